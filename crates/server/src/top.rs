//! `vitrine top`: what runs on a server's machine, as a table that is drawn anew, or once.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, TableStyle};
use http::Method;
use vitrine_model::Timestamp;

use crate::Failure;
use crate::cli::TopArgs;
use crate::client::Client;
use crate::config::Config;
use crate::sessions::{MachineView, MemoryView, SandboxView};

/// How often the table is drawn.
const EVERY: Duration = Duration::from_secs(2);

/// Clears a terminal and goes to its top left corner (ECMA-48: ED, CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Draws until it is interrupted when standard output is a terminal, and once when it is not, or with `--once` or `--json`.
pub(crate) fn run(config: &Config, args: &TopArgs, json: bool) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let client = Client::new(config, &args.server)?;
        let goes_on = std::io::stdout().is_terminal() && !args.once && !json;
        let path = format!("/v1/machine?limit={}", args.limit);
        let mut before: Option<MachineView> = None;
        loop {
            let machine: MachineView = client.call(Method::GET, &path, None::<&()>).await?;
            let text = match json {
                true => serde_json::to_string_pretty(&machine).map_err(Failure::failed)?,
                false => table(&machine, before.as_ref()),
            };
            let mut out = std::io::stdout();
            let clear = if goes_on { CLEAR } else { "" };
            writeln!(out, "{clear}{text}").and_then(|()| out.flush()).map_err(Failure::print)?;
            if !goes_on {
                return Ok(());
            }
            before = Some(machine);
            tokio::time::sleep(EVERY).await;
        }
    })
}

/// The whole text. What the processor does now is the difference to what it had done `before`; without that, what it has done
/// so far.
fn table(machine: &MachineView, before: Option<&MachineView>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "app",
        "tenant",
        "state",
        "memory",
        "swap",
        "cpu",
        "processes",
        "start",
        "age",
        "last use",
    ]);
    for item in &machine.items {
        table.add_row(row(item, machine.at, before));
    }
    format!("{}\n{}\n{}\n\n{table}", of_machine(machine, before), of_states(machine), of_past(machine))
}

fn of_machine(machine: &MachineView, before: Option<&MachineView>) -> String {
    let memory = &machine.memory;
    let busy = before.and_then(|before| {
        let used = machine.cpu_micros?.checked_sub(before.cpu_micros?)?;
        Some(format!(" {} busy ·", percent(used, millis_between(before, machine) * machine.cores as f64)?))
    });
    format!(
        "{} cores ·{} memory {} available of {} ({} kept), {} of sandboxes · {}",
        machine.cores,
        busy.unwrap_or_default(),
        shown(memory.available_bytes),
        shown(memory.total_bytes),
        bytes(memory.reserved_bytes),
        bytes(memory.sandboxes_bytes),
        swap_of(memory),
    )
}

fn swap_of(memory: &MemoryView) -> String {
    match memory.swap_total_bytes {
        Some(0) => "no swap".to_owned(),
        total => format!("swap {} free of {}", shown(memory.swap_free_bytes), shown(total)),
    }
}

fn of_states(machine: &MachineView) -> String {
    let (counts, pool) = (&machine.sandboxes, &machine.pool);
    let asleep = machine.sessions.map_or_else(|| "?".to_owned(), |sessions| sessions.hibernated.to_string());
    let layers = machine.layers.map_or_else(
        || "?".to_owned(),
        |layers| format!("{}, {} in use ({})", layers.count, layers.in_use, bytes(layers.bytes)),
    );
    format!(
        "running {} · frozen {} · starting {} · error {} · hibernated sessions {asleep} · pool {} ({}) · layers {layers}",
        counts.running,
        counts.frozen,
        counts.starting,
        counts.error,
        pool.warm,
        bytes(pool.memory_bytes),
    )
}

fn of_past(machine: &MachineView) -> String {
    let since = &machine.since_start;
    format!(
        "since the start: {} starts, {} from the pool, {} wakes · {} freezes, {} thaws · {} taken down, {} to make room · \
         {} refused · {} lost",
        since.starts,
        since.from_pool,
        since.wakes,
        since.freezes,
        since.thaws,
        since.hibernations,
        since.evictions,
        since.refusals,
        since.losses,
    )
}

fn row(item: &SandboxView, now: Timestamp, before: Option<&MachineView>) -> [String; 10] {
    let passed = |at: Option<Timestamp>| at.map_or_else(String::new, |at| duration(now.millis_since(at)));
    [
        item.app_name.clone().unwrap_or_else(|| item.app_id.to_string()),
        item.tenant_id.to_string(),
        format!("{:?}", item.status).to_lowercase(),
        bytes(item.memory_bytes),
        bytes(item.swap_bytes),
        before.and_then(|before| cpu_now(item, now, before)).unwrap_or_else(|| cpu_so_far(item)),
        item.pids.to_string(),
        item.start_ms.map_or_else(String::new, |ms| format!("{ms:.0} ms")),
        passed(item.started_at),
        passed(item.last_use_at),
    ]
}

/// Of one core, since it was looked at `before`; nothing for a sandbox that was not there, or was another one.
fn cpu_now(item: &SandboxView, now: Timestamp, before: &MachineView) -> Option<String> {
    let then = before.items.iter().find(|then| then.app_id == item.app_id)?;
    let is_same = then.started_at == item.started_at;
    let used = item.cpu_micros.checked_sub(then.cpu_micros).filter(|_| is_same)?;
    percent(used, now.millis_since(before.at) as f64)
}

fn cpu_so_far(item: &SandboxView) -> String {
    format!("{:.1} s", item.cpu_micros as f64 / 1e6)
}

fn millis_between(before: &MachineView, machine: &MachineView) -> f64 {
    machine.at.millis_since(before.at) as f64
}

fn percent(micros: u64, of_millis: f64) -> Option<String> {
    (of_millis > 0.0).then(|| format!("{:.0} %", micros as f64 / of_millis / 10.0))
}

fn duration(millis: i64) -> String {
    match millis.max(0) / 1_000 {
        secs @ 0..=119 => format!("{secs} s"),
        secs @ 120..=7_199 => format!("{} min", secs / 60),
        secs @ 7_200..=172_799 => format!("{} h", secs / 3_600),
        secs => format!("{} d", secs / 86_400),
    }
}

fn shown(count: Option<u64>) -> String {
    count.map_or_else(|| "?".to_owned(), bytes)
}

fn bytes(count: u64) -> String {
    match count >> 20 {
        mib @ 0..=9_999 => format!("{mib} MiB"),
        mib => format!("{:.1} GiB", mib as f64 / 1_024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_units_that_people_read() {
        assert_eq!([bytes(0), bytes(300 << 20), bytes(24 << 30)], ["0 MiB", "300 MiB", "24.0 GiB"]);
        let told = [-5, 119_999, 120_000, 7_200_000, 172_800_000].map(duration);
        assert_eq!(told, ["0 s", "119 s", "2 min", "2 h", "2 d"]);
        assert_eq!(percent(1_500_000, 2_000.0).as_deref(), Some("75 %"));
        assert_eq!(percent(1, 0.0), None);
    }
}
