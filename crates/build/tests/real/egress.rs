//! Node.js in a real sandbox behind the proxy, told about it as dev servers are: it reaches what is listed and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{TestEntropy, files, fixture};
use vitrine_build::RegistrySettings;
use vitrine_build::profile::{DevSettings, detect, dev_env};
use vitrine_model::SandboxId;
use vitrine_model::source::fixed::FixedClock;
use vitrine_sandbox::Sandbox;
use vitrine_sandbox::driver::{
    Command, ExecLimits, Limits, Mount, PROJECT_DIR, SandboxSpec, TOOLCHAIN_DIR, Urgency,
};
use vitrine_sandbox::egress::{
    CA_TARGET, Destination, EgressLabel, EgressLimits, EgressPolicy, EgressProxy, PROXY_PORT, SystemResolver,
    proxy_environment,
};

const SETTINGS: DevSettings<'_> = DevSettings {
    port: 5173,
    preview_host_suffix: "preview.localhost",
    timezone: "UTC",
    has_prebundle: false,
    has_compile_cache: false,
    marks_elements: false,
};

/// What a script says.
async fn says(sandbox: &Arc<dyn Sandbox>, env: &BTreeMap<String, String>, script: &str) -> String {
    let argv = [&format!("{TOOLCHAIN_DIR}/bin/node"), "-e", script].map(ToString::to_string).to_vec();
    let command = Command { argv, env: env.clone(), cwd: PROJECT_DIR.to_owned() };
    let limits = ExecLimits { timeout: Duration::from_secs(30), max_output_bytes: 4_096 };
    let output = sandbox.exec(command, limits).await.unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_in_a_dev_sandbox_reaches_what_is_listed_and_nothing_else() {
    let fixture = fixture().await;
    let registry = RegistrySettings::resolve("", "").await.unwrap();
    let detected = detect(&files(&[("index.html", "")]), None).unwrap();
    let toolchain = fixture.store.toolchain(&detected).await.unwrap().dir;
    let mut mounts = vec![Mount::ReadOnly { source: toolchain, target: TOOLCHAIN_DIR.into() }];
    let bundle = registry.ca_bundle.clone();
    mounts.extend(bundle.map(|source| Mount::ReadOnly { source, target: CA_TARGET.into() }));
    let limits = Limits {
        memory_bytes: 512 << 20,
        cpu_millis: 2_000,
        pids: 128,
        disk_bytes: 64 << 20,
        open_files: 4_096,
        urgency: Urgency::Interactive,
    };
    let id = SandboxId::mint(&FixedClock::at_millis(2), &TestEntropy);
    let started = fixture.driver.start(SandboxSpec { id, mounts, limits }).await.unwrap();
    let destination =
        Destination { host: registry.host.clone(), port: registry.port, plain_http: registry.plain_http };
    let policy = EgressPolicy {
        destinations: vec![destination],
        // The registry may be a mirror on a private network here.
        exceptions: ["0.0.0.0/0", "::/0"].map(|range| range.parse().unwrap()).to_vec(),
        limits: EgressLimits::default(),
    };
    let label = EgressLabel { purpose: "dev", app: None, totals: None };
    let proxy = EgressProxy::new(policy, Arc::new(SystemResolver), label);
    let serving = tokio::spawn(proxy.clone().serve(started.sandbox.listen(PROXY_PORT).await.unwrap()));
    let mut env = dev_env(&SETTINGS);
    let fetch = |url: &str| {
        format!(
            "fetch('{url}').then(r => console.log('status', r.status), e => console.log('failed', e.cause?.message))"
        )
    };
    let without = says(&started.sandbox, &env, &fetch(&registry.url)).await;
    assert!(without.starts_with("failed"), "{without}");
    env.extend(proxy_environment(registry.ca_bundle.is_some()));
    let reached = says(&started.sandbox, &env, &fetch(&registry.url)).await;
    assert!(reached.starts_with("status"), "{reached}");
    let elsewhere = says(&started.sandbox, &env, &fetch("https://example.com/")).await;
    assert!(elsewhere.starts_with("failed"), "{elsewhere}");
    let stats = proxy.stats();
    assert!(stats.allowed == 1 && stats.refused == 1 && stats.bytes_in > 0, "{stats:?}");
    serving.abort();
    started.sandbox.stop().await.unwrap();
}
