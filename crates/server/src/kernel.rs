//! What the kernel tells of this machine in `/proc`: processor time, swap, and when this process began.

/// Ticks of a second in `/proc` (`USER_HZ`); 100 wherever Vitrine runs.
const TICKS_PER_SEC: u64 = 100;

/// Columns of a `cpu` line in `/proc/stat` in which the processor works for this machine: user, nice, system, irq, softirq.
/// Not idle and iowait, and not steal, which is another machine's.
const BUSY_COLUMNS: [usize; 5] = [0, 1, 2, 5, 6];

/// The column of `/proc/self/stat` with the ticks from the machine's start to the process's, counted behind the name.
const STARTED_COLUMN: usize = 19;

/// A place that memory is moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Swap {
    /// The device or file.
    pub(crate) path: String,
    /// How much it takes, before compression.
    pub(crate) size_bytes: u64,
}

impl Swap {
    /// True for compressed memory, which needs no disk.
    pub(crate) fn is_zram(&self) -> bool {
        self.path.starts_with("/dev/zram")
    }
}

/// Processor time that everything on the machine has used since it was started, over all cores, in microseconds.
pub(crate) fn busy_micros() -> Option<u64> {
    busy_of(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// Seconds since 1970 at which this process began.
pub(crate) fn process_started_secs() -> Option<f64> {
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let booted: u64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let process = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything.
    let (_, columns) = process.rsplit_once(')')?;
    let ticks: u64 = columns.split_ascii_whitespace().nth(STARTED_COLUMN)?.parse().ok()?;
    Some(booted as f64 + ticks as f64 / TICKS_PER_SEC as f64)
}

/// Where the machine can move memory to; empty when it cannot.
pub(crate) fn swaps() -> Vec<Swap> {
    std::fs::read_to_string("/proc/swaps").map(|text| swaps_of(&text)).unwrap_or_default()
}

/// True when the kernel compresses memory before it goes to a swap device.
pub(crate) fn has_zswap() -> bool {
    std::fs::read_to_string("/sys/module/zswap/parameters/enabled").is_ok_and(|text| text.trim() == "Y")
}

fn busy_of(stat: &str) -> Option<u64> {
    let columns = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = columns.split_ascii_whitespace().map_while(|column| column.parse().ok()).collect();
    let busy: Option<Vec<_>> = BUSY_COLUMNS.iter().map(|column| ticks.get(*column)).collect();
    Some(busy?.into_iter().sum::<u64>() * (1_000_000 / TICKS_PER_SEC))
}

fn swaps_of(text: &str) -> Vec<Swap> {
    let of = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let path = columns.next()?.to_owned();
        let kib: u64 = columns.nth(1)?.parse().ok()?;
        Some(Swap { path, size_bytes: kib * 1_024 })
    };
    text.lines().skip(1).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_and_what_others_took_is_not_busy() {
        let stat = "cpu  100 20 30 4000 500 6 7 800 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nbtime 1763700000\n";
        assert_eq!(busy_of(stat), Some(163 * 10_000));
        assert_eq!(busy_of("cpu  1 2"), None);
    }

    #[test]
    fn every_swap_is_found_and_its_kind_known() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                    /dev/zram0                              partition\t2097148\t\t0\t\t100\n\
                    /swap\\040file                          file\t\t1024\t\t0\t\t-2\n";
        let swaps = swaps_of(text);
        let told: Vec<_> = swaps.iter().map(|swap| (swap.is_zram(), swap.size_bytes)).collect();
        assert_eq!(told, [(true, 2_097_148 << 10), (false, 1 << 20)]);
        assert_eq!(swaps_of("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"), []);
    }

    #[test]
    fn this_machine_has_a_past() {
        assert!(busy_micros().is_some_and(|micros| micros > 0));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - process_started_secs().unwrap();
        assert!((-1.0..3_600.0).contains(&age), "{age}");
    }
}
