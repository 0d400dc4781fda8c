//! Programs that load a server: wrk, and redis-benchmark for redis-server.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::served::{self, Served};

const SCRIPT: &str = "xtask/src/bench/fetch.lua";

/// One round of load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Answers per second.
    pub(super) rate: f64,
    /// Seconds that 99 of 100 answers took at most.
    pub(super) p99: f64,
}

#[derive(Deserialize)]
struct Done {
    requests: u32,
    microseconds: u32,
    p99: u32,
    failed: u32,
}

/// Fetches for three seconds on so many connections: long enough that making them, and looking for
/// who they are, is less than a hundredth of it. The server is `served`, the token that of
/// `safe`: a floor has none.
pub(super) fn wrk(
    repository: &crate::repository::Repository,
    served: &Served,
    safe: &Served,
    connections: u32,
) -> anyhow::Result<Load> {
    let mut wrk = repository.command("wrk");
    wrk.args(["--threads", "1", "--duration", "3s", "--timeout", "5s"]);
    wrk.arg("--connections").arg(connections.to_string()).arg("--script").arg(SCRIPT);
    // By number: `localhost` may be another address for the floor than for a safe.
    let url = format!("http://127.0.0.1:{}/v1/secret", served.port()?);
    wrk.arg(url).env("PASSSAFE_TOKEN", &safe.token).env("PASSSAFE_PROOF", &safe.proof);
    let output = wrk.output().context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let done: Done = text
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok())
        .with_context(|| format!("wrk said {text:?}"))?;
    ensure!(done.failed == 0 && done.requests > 0, "{} of wrk's requests failed", done.failed);
    let seconds = f64::from(done.microseconds) * 1e-6;
    Ok(Load { rate: f64::from(done.requests) / seconds, p99: f64::from(done.p99) * 1e-6 })
}

/// A redis-server with one value. Dropping it ends the process.
pub(super) struct Redis {
    child: Child,
    port: u16,
    value: usize,
}

impl Redis {
    pub(super) fn start(value: usize) -> anyhow::Result<Self> {
        let port = served::free_port()?;
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start redis-server")?;
        let redis = Self { child, port, value };
        served::connect(port)?;
        redis.benchmark("set", 1, 1)?;
        Ok(redis)
    }

    /// GETs of the value on so many connections.
    pub(super) fn get(&self, connections: u32, requests: u32) -> anyhow::Result<Load> {
        self.benchmark("get", connections, requests)
    }

    fn benchmark(&self, test: &str, connections: u32, requests: u32) -> anyhow::Result<Load> {
        let output = Command::new("redis-benchmark")
            .args(["--csv", "-t", test, "-p", &self.port.to_string()])
            .args(["-d", &self.value.to_string(), "-c", &connections.to_string()])
            .args(["-n", &requests.to_string()])
            .output()
            .context("cannot start redis-benchmark")?;
        let text = String::from_utf8_lossy(&output.stdout);
        parse(&text).with_context(|| format!("redis-benchmark said {text:?}"))
    }
}

/// The line behind that of the names: test, rate, then latencies in milliseconds (average,
/// least, p50, p95, p99, most).
fn parse(csv: &str) -> Option<Load> {
    let line = csv.lines().rev().find(|line| line.starts_with('"'))?;
    let mut fields = line.split(',').map(|field| field.trim_matches('"').parse::<f64>().ok());
    Some(Load { rate: fields.nth(1)??, p99: fields.nth(4)?? * 1e-3 })
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_redis_benchmark_is_read() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                   \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"GET\",\"104166.66\",\"0.256\",\"0.064\",\"0.247\",\"0.351\",\"0.527\",\"1.2\"\n";
        let load = parse(csv).unwrap();
        assert!((load.rate - 104_166.66).abs() < 1e-6 && (load.p99 - 0.000_527).abs() < 1e-9);
        assert!(parse("").is_none());
    }
}
