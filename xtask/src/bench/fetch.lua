-- What wrk sends, always the same bytes, and how it tells what came back.

wrk.method = "POST"
wrk.headers["Passsafe-Token"] = os.getenv("PASSSAFE_TOKEN")
wrk.headers["Passsafe-Proof"] = os.getenv("PASSSAFE_PROOF")

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p99":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
