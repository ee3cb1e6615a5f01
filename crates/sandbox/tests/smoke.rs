//! temp
use std::time::{Duration, Instant};
use vitrine_sandbox::driver::*;
use vitrine_sandbox::local::*;

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    for p in LocalDriver::probe() {
        eprintln!("{p:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let t = Instant::now();
    let driver =
        LocalDriver::new(LocalConfig { state_dir: dir.path().join("state"), root: RootSource::Host })
            .unwrap();
    eprintln!("new {:?}", t.elapsed());
    for i in 0..5 {
        let id: vitrine_model::SandboxId = format!("sbx_0000000000000000000000000{i}").parse().unwrap();
        let limits = Limits {
            memory_bytes: 512 << 20,
            cpu_millis: 2000,
            pids: 64,
            disk_bytes: 256 << 20,
            open_files: 1024,
        };
        let t = Instant::now();
        let mut s = driver.start(SandboxSpec { id, mounts: vec![], limits }).await.unwrap();
        eprintln!("start {:?}", t.elapsed());
        let env = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        let t = Instant::now();
        let out = s.sandbox.exec(Command { argv: vec!["sh".into(), "-c".into(), "id; ls -la / /dev /workspace /proc; cat /proc/self/mountinfo; cat /proc/net/dev; cat /proc/self/status | grep -E 'Cap|NoNew|Secc'; exit 3".into()], env, cwd: "/workspace/app".into() }, ExecLimits { timeout: Duration::from_secs(5), max_output_bytes: 100000 }).await.unwrap();
        eprintln!("exec {:?}", t.elapsed());
        if i == 0 {
            eprintln!(
                "{:?}\n{}\n{}",
                out.exit,
                String::from_utf8_lossy(&out.stdout),
                String::from_utf8_lossy(&out.stderr)
            );
        }
        eprintln!("usage {:?}", s.sandbox.usage().await);
        let t = Instant::now();
        s.sandbox.stop().await.unwrap();
        eprintln!("stop {:?}", t.elapsed());
        while let Some(e) = s.events.recv().await {
            eprintln!("{e:?}");
        }
    }
}
