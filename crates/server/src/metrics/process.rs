//! What this process takes of the machine, under the names that Prometheus' own client libraries use.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::exposition::Exposition;
use crate::kernel;

/// Adds what can be told.
pub(super) fn write(text: &mut Exposition) {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let help = "Processor time that the server has used; sandboxes are not in it.";
    text.counter("process_cpu_seconds_total", help, used.tv_sec as f64 + used.tv_nsec as f64 / 1e9);
    if let Some(bytes) = resident_bytes() {
        let help = "Memory of the server; sandboxes are not in it.";
        text.gauge("process_resident_memory_bytes", help, bytes as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Open file descriptors of the server.", open.count() as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        text.gauge("process_max_fds", "How many file descriptors it may have open.", most as f64);
    }
    if let Some(started) = kernel::process_started_secs() {
        text.gauge(
            "process_start_time_seconds",
            "When the server was started, in seconds since 1970.",
            started,
        );
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = kib.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1_024)
}
