//! One target under libFuzzer: `scripts/fuzz` builds this with coverage counters in our crates, and runs it for each
//! target. `VITRINE_FUZZ_TARGET` names the target; everything else is said to libFuzzer on the command line.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod under_libfuzzer {
    use std::sync::LazyLock;

    use libfuzzer_sys::fuzz_target;

    const NAME: &str = "VITRINE_FUZZ_TARGET";

    #[expect(
        clippy::expect_used,
        reason = "without a target there is nothing to run, and libFuzzer must not go on"
    )]
    static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
        let name = std::env::var(NAME).expect("VITRINE_FUZZ_TARGET names a target");
        let all = [
            vitrine_model::fuzz::TARGETS,
            vitrine_jail::fuzz::TARGETS,
            vitrine_sandbox::fuzz::TARGETS,
            vitrine_build::fuzz::TARGETS,
            vitrine_edge::fuzz::TARGETS,
        ];
        let found = all.into_iter().flatten().find(|(known, _)| *known == name);
        found.map(|(_, run)| *run).expect("there is a target of this name")
    });

    fuzz_target!(|data: &[u8]| TARGET(data));
}

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    // Built without counters it would search blindly and look as if it had found nothing.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), b"this program is built by `make fuzz`\n");
    std::process::ExitCode::FAILURE
}
