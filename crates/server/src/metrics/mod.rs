//! The server's figures for Prometheus. What each of them means is in `docs/metrics.md`; a test holds that the page names all of
//! them and no other.
//!
//! No figure carries the name of a tenant, an app or a person: how many series there are does not depend on how many there are
//! of those.

mod exposition;
mod histogram;
mod process;

pub(crate) use exposition::CONTENT_TYPE;
use exposition::Exposition;
pub(crate) use histogram::{Histogram, Reading};

use crate::services::Services;
use crate::sessions::{Durations, MachineView};

/// Every figure, now. Costs what runs, as [`crate::sessions::Sessions::top`] does. What cannot be told is left out.
pub(crate) async fn page(services: &Services) -> String {
    let mut text = Exposition::default();
    let version = env!("CARGO_PKG_VERSION");
    text.info("vitrine_build_info", "Always 1; says which version runs.", &[("version", version)]);
    let machine = services.sessions.top(0, None).await;
    write_machine(&mut text, &machine);
    write_sandboxes(&mut text, &machine);
    write_happenings(&mut text, &machine, services.sessions.durations());
    write_limits(&mut text, services);
    write_traffic(&mut text, services);
    process::write(&mut text);
    text.finish()
}

fn write_machine(text: &mut Exposition, machine: &MachineView) {
    let memory = &machine.memory;
    let known = [
        ("vitrine_machine_memory_bytes", "Memory of the machine.", memory.total_bytes),
        (
            "vitrine_machine_memory_available_bytes",
            "Memory that is free, or free as soon as it is needed.",
            memory.available_bytes,
        ),
        (
            "vitrine_machine_memory_reserved_bytes",
            "Memory kept for everything but sandboxes.",
            Some(memory.reserved_bytes),
        ),
        ("vitrine_machine_swap_bytes", "Swap of the machine.", memory.swap_total_bytes),
        ("vitrine_machine_swap_free_bytes", "Swap that is free.", memory.swap_free_bytes),
        ("vitrine_machine_cpu_cores", "Processor cores of the machine.", Some(machine.cores as u64)),
    ];
    for (name, help, value) in known {
        if let Some(value) = value {
            text.gauge(name, help, value as f64);
        }
    }
    if let Some(micros) = machine.cpu_micros {
        let help =
            "Processor time that everything on the machine has used since it was started, over all cores.";
        text.counter("vitrine_machine_cpu_seconds_total", help, micros as f64 / 1e6);
    }
}

fn write_sandboxes(text: &mut Exposition, machine: &MachineView) {
    if let Some(sessions) = &machine.sessions {
        let states = [
            ("starting", sessions.starting),
            ("running", sessions.running),
            ("frozen", sessions.frozen),
            ("hibernated", sessions.hibernated),
            ("error", sessions.error),
        ];
        text.gauges("vitrine_sessions", "Sessions that are not over, by state.", "state", &states);
    }
    let (sandboxes, memory, pool) = (&machine.sandboxes, &machine.memory, &machine.pool);
    let states = [
        ("starting", sandboxes.starting),
        ("running", sandboxes.running),
        ("frozen", sandboxes.frozen),
        ("error", sandboxes.error),
    ];
    text.gauges("vitrine_sandboxes", "Sandboxes of apps, by state.", "state", &states);
    let help = "Memory of all sandboxes of apps.";
    text.gauge("vitrine_sandboxes_memory_bytes", help, memory.sandboxes_bytes as f64);
    let help = "What sandboxes of apps have in swap, before compression.";
    text.gauge("vitrine_sandboxes_swap_bytes", help, memory.sandboxes_swap_bytes as f64);
    text.gauge("vitrine_pool_sandboxes", "Sandboxes of the warm pool that can be claimed.", pool.warm as f64);
    let help = "Memory of the warm pool, as it was when its sandboxes were made.";
    text.gauge("vitrine_pool_memory_bytes", help, pool.memory_bytes as f64);
    if let Some(layers) = &machine.layers {
        let help = "Layers of packages on this machine, by whether something uses them.";
        let states = [("in_use", layers.in_use), ("idle", layers.count.saturating_sub(layers.in_use))];
        text.gauges("vitrine_layers", help, "state", &states);
        text.gauge("vitrine_layers_bytes", "What the layers take on the disk.", layers.bytes as f64);
        let help = "What the layers may take before those used longest ago are removed.";
        text.gauge("vitrine_layers_budget_bytes", help, layers.budget_bytes as f64);
    }
}

fn write_happenings(text: &mut Exposition, machine: &MachineView, took: Durations) {
    let since = &machine.since_start;
    let counts = [
        ("vitrine_starts_total", "Dev servers that came to answer.", since.starts),
        ("vitrine_pool_claims_total", "Starts that a dev server of the warm pool served.", since.from_pool),
        ("vitrine_wakes_total", "Starts of hibernated sessions that somebody came back to.", since.wakes),
        ("vitrine_freezes_total", "Sandboxes that were frozen.", since.freezes),
        ("vitrine_thaws_total", "Frozen sandboxes that went on.", since.thaws),
        (
            "vitrine_hibernations_total",
            "Sandboxes that were taken down because nobody used them.",
            since.hibernations,
        ),
        ("vitrine_evictions_total", "Sandboxes that were taken down to make room.", since.evictions),
        ("vitrine_start_refusals_total", "Starts that were refused for want of room.", since.refusals),
        ("vitrine_losses_total", "Sandboxes and dev servers that ended unasked.", since.losses),
    ];
    for (name, help, count) in counts {
        text.counter(name, help, count as f64);
    }
    let help = "From asking for a dev server until it answered, by where its sandbox came from.";
    let starts = [("new", took.new), ("pool", took.pooled)];
    text.histograms("vitrine_start_duration_seconds", help, "sandbox", &starts);
    let help = "From the first who came back until the preview could answer them, by what it was.";
    let wakes = [("frozen", took.thaw), ("hibernated", took.wake)];
    text.histograms("vitrine_wake_duration_seconds", help, "from", &wakes);
}

fn write_limits(text: &mut Exposition, services: &Services) {
    let limits = services.limits.counters();
    let help = "Calls of users that were held against their limit.";
    text.counter("vitrine_limit_checks_total", help, limits.checked as f64);
    let refused = [
        ("user", limits.refused_callers),
        ("address", limits.refused_addresses),
        ("link", limits.refused_guesses),
    ];
    let help = "Requests that were refused for being too many, by whose limit it was.";
    text.counters("vitrine_limit_refusals_total", help, "of", &refused);
    let help = "Users, addresses and links whose requests are being counted.";
    text.gauge("vitrine_limit_buckets", help, limits.buckets as f64);
}

fn write_traffic(text: &mut Exposition, services: &Services) {
    let egress = services.egress.totals();
    let outcomes = [("allowed", egress.allowed), ("refused", egress.refused), ("failed", egress.failed)];
    let help = "Connections out of dev sandboxes, by outcome.";
    text.counters("vitrine_egress_connections_total", help, "outcome", &outcomes);
    let directions = [("out", egress.bytes_out), ("in", egress.bytes_in)];
    let help = "Bytes that passed between dev sandboxes and the world, by direction.";
    text.counters("vitrine_egress_bytes_total", help, "direction", &directions);
    let visits = services.hosting.total_usage();
    text.counter(
        "vitrine_hosting_responses_total",
        "Answers of published apps, of any status.",
        visits.requests as f64,
    );
    let help = "Bytes of bodies in answers of published apps.";
    text.counter("vitrine_hosting_response_bytes_total", help, visits.bytes as f64);
    let help = "Publishes that this server works on.";
    text.gauge("vitrine_publishes_running", help, services.publishes.running_count() as f64);
}
