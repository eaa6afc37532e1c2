// Charts, drawn from the tables below them: whoever does not see the picture has the same numbers.
const HEIGHT = 240;
const LEAST_SECONDS = 600;
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  // A custom property keeps its words; only a colour that is used is worked out.
  const probe = document.createElement("span");
  probe.className = `ink-${name}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function numbers(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [
    Date.parse(row.querySelector("time").dateTime) / 1000,
    Number(row.querySelector("data").value),
  ]);
  rows.sort((one, other) => one[0] - other[0]);
  return [rows.map((row) => row[0]), rows.map((row) => row[1])];
}

function grouped(number) {
  return number.toLocaleString("en");
}

// The hours of the publication, not of the browser: the same as in the tables.
function hours(zone) {
  const time = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
  return (_chart, splits) => {
    const far = splits.at(-1) - splits[0] > 86_400;
    return splits.map((each) => (far ? day : time).format(each * 1000));
  };
}

function axis(more) {
  return { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") }, ...more };
}

// Worked out here, because uPlot would show a single moment in the middle of years, and cut the last bar off.
function shown(moments, bars) {
  const [first, second] = moments;
  const last = moments.at(-1);
  const end = bars && second ? last + second - first : last;
  return [first, Math.max(end, first + LEAST_SECONDS)];
}

function draw(figure) {
  const table = document.getElementById(figure.dataset.table);
  const place = figure.querySelector(".chart-place");
  const data = numbers(table);
  const name = table.querySelector("[data-series]").textContent;
  const bars = figure.dataset.kind === "bars";
  const range = shown(data[0], bars);
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { range: () => range }, y: { range: (_, _low, high) => [0, Math.max(1, high * 1.05)] } },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), figure.dataset.zone),
    axes: [axis({ values: hours(figure.dataset.zone), space: 60 }), axis({ size: 70, values: (_, splits) => splits.map((each) => (each % 1 ? "" : grouped(each))) })],
    series: [
      {},
      {
        label: name,
        stroke: colour("teal"),
        width: bars ? 0 : 2,
        fill: bars ? colour("teal") : undefined,
        paths: bars ? uPlot.paths.bars({ size: [0.85, 60], align: 1 }) : uPlot.paths.linear(),
        points: { show: !bars, size: 7, fill: colour("teal") },
      },
    ],
  };
  place.replaceChildren();
  return new uPlot(options, data, place);
}

function drawAll() {
  for (const figure of document.querySelectorAll("figure.chart")) draw(figure);
}

drawAll();
dark.addEventListener("change", drawAll);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) drawAll();
  width = innerWidth;
});
