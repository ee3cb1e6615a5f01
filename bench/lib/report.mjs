// Figures as a Markdown table.

/** A figure is `{ id, what, goal, rows: [{ name, ours, peer?, ratio?, note? }], failures }`; times in milliseconds. */
export function report(figures, machine) {
  const lines = [];
  if (machine) {
    const { cores, cpu, memory_gib: memory, kernel, node } = machine;
    lines.push(`# Benchmarks`, '', `${cores} × ${cpu}, ${memory} GiB, Linux ${kernel}, Node.js ${node}.`);
    lines.push('Times in milliseconds: median / p95 / p99 of the runs. Ratios are of medians, within one run.', '');
  }
  for (const figure of figures) {
    lines.push(`## ${figure.id}: ${figure.what}`, '', `${figure.at}, commit ${figure.commit}.`, '', `Goal: ${figure.goal}`, '');
    lines.push('| measured | Vitrine | peer | difference | ratio |', '|---|---|---|---|---|');
    for (const { name, ours, peer } of figure.rows) {
      const difference = peer ? (ours.p50 - peer.p50).toFixed(2) : '';
      const ratio = peer ? (ours.p50 / peer.p50).toFixed(2) : '';
      lines.push(`| ${name} | ${cell(ours)} | ${peer ? cell(peer) : '–'} | ${difference} | ${ratio} |`);
    }
    lines.push('', `Failures: ${figure.failures}.`, '');
    if (figure.note) lines.push(figure.note, '');
  }
  return lines.join('\n');
}

function cell({ p50, p95, p99, runs, unit = '' }) {
  return runs === 1 ? `${p50}${unit} (1 run)` : `${p50} / ${p95} / ${p99}${unit} (${runs} runs)`;
}
