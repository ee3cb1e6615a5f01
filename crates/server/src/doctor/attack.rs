//! `vitrine doctor --attack`: does isolation hold on this machine? Tried, and not looked up.

use vitrine_sandbox::local::{Attack, LocalDriver, attack::Ending};

use super::{Finding, Verdict, show};
use crate::config::Config;
use crate::{Failure, machine};

/// Tries everything and shows it; fails when something got through, or nothing could be tried.
pub(crate) fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let attacks = runtime
        .block_on(LocalDriver::attack(machine::root(config), machine::host_ids(config)))
        .map_err(Failure::machine)?;
    let findings: Vec<Finding> = attacks.into_iter().map(finding).collect();
    show(&findings, json)?;
    let through = findings.iter().filter(|finding| finding.verdict == Verdict::Failure).count();
    match through {
        0 => Ok(()),
        count => Err(Failure::machine(format!(
            "{count} of {} attempts got through: do not run code of strangers on this machine",
            findings.len()
        ))),
    }
}

fn finding(attack: Attack) -> Finding {
    match attack.ending {
        Ending::Refused(how) => Finding::new(attack.name, Verdict::Ok, format!("refused: {how}"), ""),
        Ending::Unlimited => {
            let advice = "let the server have control groups; see `vitrine doctor`";
            Finding::new(attack.name, Verdict::Warning, "not limited for this user", advice)
        }
        Ending::Through => {
            let advice = "`vitrine doctor` says what this machine lacks; if it lacks nothing, report this";
            Finding::new(attack.name, Verdict::Failure, "GOT THROUGH", advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_got_through_is_a_failure_and_what_is_not_limited_a_warning() {
        let verdict = |ending| finding(Attack { name: "x", ending }).verdict;
        assert_eq!(verdict(Ending::Through), Verdict::Failure);
        assert_eq!(verdict(Ending::Unlimited), Verdict::Warning);
        assert_eq!(verdict(Ending::Refused("no".to_owned())), Verdict::Ok);
    }
}
