//! The text that Prometheus reads (exposition format 0.0.4): families with a help text and a type, one sample to a line.

use std::fmt::Write as _;

use super::histogram::Reading;

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text so far. Names, labels and their values come from this program, never from outside; nothing needs escaping but
/// what [`escaped`] does.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// A figure that only grows; its name ends in `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.family("counter", name, help).sample(name, &[], value);
    }

    /// Figures that only grow, by the value of one label.
    pub(super) fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) {
        self.family("counter", name, help).by_label(name, label, values);
    }

    /// A figure of this moment.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family("gauge", name, help).sample(name, &[], value);
    }

    /// Figures of this moment, by the value of one label.
    pub(super) fn gauges(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) {
        self.family("gauge", name, help).by_label(name, label, values);
    }

    /// A gauge that is always 1 and tells something by its labels.
    pub(super) fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) {
        self.family("gauge", name, help).sample(name, labels, 1.0);
    }

    /// Durations in seconds, by the value of one label.
    pub(super) fn histograms(&mut self, name: &str, help: &str, label: &str, values: &[(&str, Reading)]) {
        self.family("histogram", name, help);
        for (value, reading) in values {
            for (bound, count) in &reading.at_most {
                let labels = [(label, *value), ("le", &bound.to_string())];
                self.sample(&format!("{name}_bucket"), &labels, *count as f64);
            }
            self.sample(&format!("{name}_bucket"), &[(label, value), ("le", "+Inf")], reading.count as f64);
            self.sample(&format!("{name}_sum"), &[(label, value)], reading.sum_secs);
            self.sample(&format!("{name}_count"), &[(label, value)], reading.count as f64);
        }
    }

    fn family(&mut self, kind: &str, name: &str, help: &str) -> &mut Self {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    fn by_label(&mut self, name: &str, label: &str, values: &[(&str, u64)]) {
        for (value, figure) in values {
            self.sample(name, &[(label, value)], *figure as f64);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_as_prometheus_reads_it() {
        let mut text = Exposition::default();
        text.gauge("vitrine_a_bytes", "Bytes.", (1_u64 << 40) as f64);
        text.counters("vitrine_b_total", "By kind.", "kind", &[("one", 1), ("t\"w\\o\n", 0)]);
        let reading = Reading { at_most: vec![(0.5, 1), (1.0, 2)], count: 3, sum_secs: 4.25 };
        text.histograms("vitrine_c_seconds", "Took.", "from", &[("x", reading)]);
        let expected = r#"# HELP vitrine_a_bytes Bytes.
# TYPE vitrine_a_bytes gauge
vitrine_a_bytes 1099511627776
# HELP vitrine_b_total By kind.
# TYPE vitrine_b_total counter
vitrine_b_total{kind="one"} 1
vitrine_b_total{kind="t\"w\\o\n"} 0
# HELP vitrine_c_seconds Took.
# TYPE vitrine_c_seconds histogram
vitrine_c_seconds_bucket{from="x",le="0.5"} 1
vitrine_c_seconds_bucket{from="x",le="1"} 2
vitrine_c_seconds_bucket{from="x",le="+Inf"} 3
vitrine_c_seconds_sum{from="x"} 4.25
vitrine_c_seconds_count{from="x"} 3
"#;
        assert_eq!(text.finish(), expected);
    }
}
