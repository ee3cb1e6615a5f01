//! `vitrine doctor`: what this machine has and lacks, and what to do about it.

pub(crate) mod attack;

use std::io::Write as _;
use std::net::{TcpListener, ToSocketAddrs as _};
use std::path::Path;

use comfy_table::{ContentArrangement, Table, TableStyle};
use serde::Serialize;

use crate::config::Config;
use crate::kernel::{self, Swap};
use crate::{Failure, machine};

/// Free space below which the first layers may not fit.
const LITTLE_DISK_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How one check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Good to know; neither right nor wrong.
    Note,
    /// Vitrine runs, with less.
    Warning,
    /// Vitrine does not run like this.
    Failure,
}

/// One check.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    pub(crate) detail: String,
    /// What to do; empty when there is nothing to do.
    pub(crate) advice: String,
}

impl Finding {
    fn new(name: &str, verdict: Verdict, detail: impl Into<String>, advice: &str) -> Self {
        let advice = if verdict == Verdict::Ok { "" } else { advice };
        Self { name: name.to_owned(), verdict, detail: detail.into(), advice: advice.to_owned() }
    }
}

/// Checks everything; fails when something that `serve` needs is missing.
pub(crate) fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let data_dir = config.data_dir();
    let mut findings = machine::probe_sandboxes(config);
    findings.push(program("Node.js on the host", "node", "install Node.js 20.19 or newer: npm needs it"));
    findings.push(program("npm on the host", "npm", "install npm: it fetches the pinned toolchains"));
    findings.push(disk(&data_dir));
    findings.push(swap(&kernel::swaps(), kernel::has_zswap()));
    findings.push(port(config));
    findings.push(names(config));
    findings.push(registry(config));
    show(&findings, json)?;
    match findings.iter().filter(|finding| finding.verdict == Verdict::Failure).count() {
        0 => Ok(()),
        count => Err(Failure::machine(format!("{count} of the checks above failed"))),
    }
}

fn show(findings: &[Finding], json: bool) -> Result<(), Failure> {
    let text = match json {
        true => serde_json::to_string_pretty(findings).map_err(Failure::failed)?,
        false => table(findings),
    };
    writeln!(std::io::stdout(), "{text}").map_err(Failure::failed)
}

fn table(findings: &[Finding]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Warning => "warning",
            Verdict::Failure => "FAILED",
        };
        let text = match finding.advice.is_empty() {
            true => finding.detail.clone(),
            false => format!("{}\n→ {}", finding.detail, finding.advice),
        };
        table.add_row([mark, finding.name.as_str(), text.as_str()]);
    }
    table.to_string()
}

fn program(name: &str, program: &str, advice: &str) -> Finding {
    match std::process::Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => {
            Finding::new(name, Verdict::Ok, String::from_utf8_lossy(&output.stdout).trim(), "")
        }
        Ok(output) => {
            Finding::new(name, Verdict::Failure, format!("`{program}` ends with {}", output.status), advice)
        }
        Err(error) => Finding::new(name, Verdict::Failure, format!("`{program}`: {error}"), advice),
    }
}

fn disk(data_dir: &Path) -> Finding {
    let mut existing = data_dir;
    while let (false, Some(parent)) = (existing.exists(), existing.parent()) {
        existing = parent;
    }
    let advice = "free some space, or choose another place with --data-dir";
    match rustix::fs::statvfs(existing) {
        Ok(stat) => {
            let free = stat.f_bavail * stat.f_frsize;
            let verdict = if free < LITTLE_DISK_BYTES { Verdict::Warning } else { Verdict::Ok };
            let gib = free as f64 / f64::from(1 << 30);
            Finding::new("disk", verdict, format!("{gib:.1} GiB free at {}", existing.display()), advice)
        }
        Err(error) => {
            Finding::new("disk", Verdict::Failure, format!("{}: {error}", existing.display()), advice)
        }
    }
}

/// Where the memory of frozen sandboxes can go.
fn swap(swaps: &[Swap], has_zswap: bool) -> Finding {
    const NAME: &str = "swap for frozen sessions";
    if swaps.is_empty() {
        let detail = "none: a frozen session gives its processor time back, and keeps its memory until it is taken down";
        let advice =
            "to hold more sessions at once, give the machine zram (compressed memory) or a swap file";
        return Finding::new(NAME, Verdict::Note, detail, advice);
    }
    let kind = |swap: &Swap| {
        let kind = if swap.is_zram() { "zram, compressed memory" } else { "swap on disk" };
        format!("{:.1} GiB {kind} ({})", swap.size_bytes as f64 / f64::from(1 << 30), swap.path)
    };
    let mut kinds: Vec<_> = swaps.iter().map(kind).collect();
    if has_zswap {
        kinds.push("compressed on the way there (zswap)".to_owned());
    }
    let detail = format!("{}: the memory of frozen sessions goes there", kinds.join(", "));
    Finding::new(NAME, Verdict::Ok, detail, "")
}

fn port(config: &Config) -> Finding {
    let address = config.server.listen;
    match TcpListener::bind(address) {
        Ok(_) => Finding::new("port", Verdict::Ok, format!("{address} is free"), ""),
        Err(error) => {
            let advice = "stop what listens there, or choose another address with --listen";
            Finding::new("port", Verdict::Warning, format!("{address}: {error}"), advice)
        }
    }
}

/// Chromium, Firefox and Edge resolve `*.localhost` themselves; other programs ask the system.
fn names(config: &Config) -> Finding {
    let host = format!("doctor.{}", config.preview.host_suffix);
    let local = config.preview.host_suffix.ends_with(".localhost");
    match (host.as_str(), 80).to_socket_addrs().map(|addresses| addresses.collect::<Vec<_>>()) {
        Ok(addresses) if !addresses.is_empty() => Finding::new(
            "preview names",
            Verdict::Ok,
            format!("{host} resolves to {}", addresses[0].ip()),
            "",
        ),
        _ if local => {
            let detail = format!("{host}: browsers resolve it to this machine; other programs here do not");
            let advice = "for curl and Safari, install libnss-myhostname, or add the host to /etc/hosts";
            Finding::new("preview names", Verdict::Warning, detail, advice)
        }
        _ => {
            let detail = format!("{host} does not resolve");
            let advice = "add a wildcard DNS record for `preview.host_suffix` that leads to this server";
            Finding::new("preview names", Verdict::Failure, detail, advice)
        }
    }
}

fn registry(config: &Config) -> Finding {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let resolved = runtime.map(|runtime| {
        let settings =
            vitrine_build::RegistrySettings::resolve(&config.install.registry, &config.install.ca_bundle);
        runtime.block_on(settings)
    });
    let settings = match resolved {
        Ok(Ok(settings)) => settings,
        Ok(Err(error)) => {
            return Finding::new("registry", Verdict::Failure, error.to_string(), "set `install.registry`");
        }
        Err(error) => return Finding::new("registry", Verdict::Failure, error.to_string(), ""),
    };
    let exceptions = match config.egress.allowed_ranges() {
        Ok(exceptions) => exceptions,
        Err(error) => {
            return Finding::new("registry", Verdict::Failure, error.to_string(), "mend the setting");
        }
    };
    let host = settings.host.as_str();
    let Ok(addresses) = (host, settings.port).to_socket_addrs() else {
        let advice = "check the network, or set `install.registry` to a mirror";
        return Finding::new("registry", Verdict::Warning, format!("{host} does not resolve"), advice);
    };
    let mut addresses = addresses.map(|address| address.ip());
    let refused = addresses.find(|address| !vitrine_sandbox::egress::is_permitted(*address, &exceptions));
    match refused {
        None => Finding::new(
            "registry",
            Verdict::Ok,
            format!("{} is reachable for installations", settings.url),
            "",
        ),
        Some(address) => {
            let detail =
                format!("{host} leads to {address}, which is private or reserved: installations are refused");
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let advice =
                format!("if that is your mirror or gateway, set VITRINE_EGRESS_ALLOW_CIDRS={address}/{bits}");
            Finding::new("registry", Verdict::Failure, detail, &advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zram() -> Swap {
        Swap { path: "/dev/zram0".to_owned(), size_bytes: 2 << 30 }
    }

    #[test]
    fn a_machine_without_swap_is_told_what_that_means_and_is_not_at_fault() {
        let finding = swap(&[], false);
        assert_eq!(finding.verdict, Verdict::Note);
        assert!(finding.detail.starts_with("none") && finding.advice.contains("zram"), "{finding:?}");
        assert!(table(&[finding]).contains("note"));
    }

    #[test]
    fn swap_and_its_kind_are_named() {
        let disk = Swap { path: "/swapfile".to_owned(), size_bytes: 512 << 20 };
        let finding = swap(&[zram(), disk], false);
        assert_eq!((finding.verdict, finding.advice.as_str()), (Verdict::Ok, ""));
        let told = "2.0 GiB zram, compressed memory (/dev/zram0), 0.5 GiB swap on disk (/swapfile)";
        assert!(finding.detail.starts_with(told), "{}", finding.detail);
        assert!(swap(&[zram()], true).detail.contains("zswap"));
    }
}
