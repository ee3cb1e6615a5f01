//! `vitrine top`: what runs on a server's machine, as a table that is drawn anew, or once.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, TableStyle};
use http::Method;

use crate::Failure;
use crate::cli::TopArgs;
use crate::client::Client;
use crate::config::Config;
use crate::sessions::{MachineView, SandboxView};

/// How often the table is drawn.
const EVERY: Duration = Duration::from_secs(2);

/// Clears a terminal and goes to its top left corner (ECMA-48: ED, CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Draws until it is interrupted when standard output is a terminal, and once when it is not, or with `--once` or `--json`.
pub(crate) fn run(config: &Config, args: &TopArgs) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let client = Client::new(config, &args.server)?;
        let goes_on = std::io::stdout().is_terminal() && !args.once && !args.json;
        let path = format!("/v1/machine?limit={}", args.limit);
        loop {
            let machine: MachineView = client.call(Method::GET, &path, None::<&()>).await?;
            let text = match args.json {
                true => serde_json::to_string_pretty(&machine).map_err(Failure::failed)?,
                false => table(&machine),
            };
            let mut out = std::io::stdout();
            let clear = if goes_on { CLEAR } else { "" };
            writeln!(out, "{clear}{text}").and_then(|()| out.flush()).map_err(Failure::failed)?;
            if !goes_on {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    })
}

fn table(machine: &MachineView) -> String {
    let (memory, counts, since) = (&machine.memory, &machine.sandboxes, &machine.since_start);
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["app", "tenant", "state", "memory", "swap", "cpu", "processes", "start", "used"]);
    for item in &machine.items {
        table.add_row(row(item));
    }
    format!(
        "{} cores · memory {} available of {} ({} kept) · swap {} free of {}\n\
         running {} · frozen {} · starting {} · error {} · pool {} ({})\n\
         since the start: {} starts, {} from the pool · {} freezes, {} thaws · {} taken down, {} to make room · \
         {} refused · {} lost\n\n{table}",
        machine.cores,
        shown(memory.available_bytes),
        shown(memory.total_bytes),
        bytes(memory.reserved_bytes),
        shown(memory.swap_free_bytes),
        shown(memory.swap_total_bytes),
        counts.running,
        counts.frozen,
        counts.starting,
        counts.error,
        machine.pool.warm,
        bytes(machine.pool.memory_bytes),
        since.starts,
        since.from_pool,
        since.freezes,
        since.thaws,
        since.hibernations,
        since.evictions,
        since.refusals,
        since.losses,
    )
}

fn row(item: &SandboxView) -> [String; 9] {
    [
        item.app_id.to_string(),
        item.tenant_id.to_string(),
        format!("{:?}", item.status).to_lowercase(),
        bytes(item.memory_bytes),
        bytes(item.swap_bytes),
        format!("{:.1} s", item.cpu_micros as f64 / 1e6),
        item.pids.to_string(),
        item.start_ms.map_or_else(String::new, |ms| format!("{ms:.0} ms")),
        item.last_use_at.map_or_else(String::new, |at| at.to_string()),
    ]
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
    }
}
