"use strict";
// Draws every <figure data-chart> from the JSON in it. The table beside it has the same figures, and is read without us.
(() => {
  const TEXT = { fontFamily: "Public Sans Web, system-ui, sans-serif", fontSize: 14, color: "#1b1b1b" };
  const COLOURS = ["#005ea2", "#adcdea", "#c05600", "#538200", "#8168b3", "#565c65"];
  const SYMBOLS = ["circle", "rect", "triangle", "diamond", "arrow", "pin"]; // lines are never told apart by colour alone
  const percent = (value) => `${value} %`;

  const base = (chart) => ({
    color: COLOURS,
    textStyle: TEXT,
    animation: false,
    aria: { enabled: true, decal: { show: true }, label: { description: chart.description } },
    grid: { left: 8, right: 24, top: 40, bottom: 8, containLabel: true },
    legend: { top: 0, textStyle: TEXT },
    tooltip: { renderMode: "richText", trigger: "axis", confine: true },
  });
  const line = (chart) => ({
    ...base(chart),
    xAxis: { type: "category", data: chart.categories, axisLabel: TEXT },
    yAxis: { type: "value", max: chart.most, axisLabel: { ...TEXT, formatter: chart.most === 100 ? percent : undefined } },
    series: chart.series.map((one, place) => ({
      type: "line", symbolSize: 8, symbol: SYMBOLS[place], ...one, ...(place === 0 ? targeted(chart, "yAxis") : {}),
    })),
  });
  const bar = (chart) => ({
    ...base(chart),
    xAxis: { type: "value", max: chart.most, axisLabel: { ...TEXT, formatter: chart.most === 100 ? percent : undefined } },
    yAxis: { type: "category", inverse: true, data: chart.categories, axisLabel: TEXT },
    series: chart.series.map((one, place) => ({
      type: "bar", stack: chart.stacked ? "all" : undefined, ...one, ...(place === 0 ? targeted(chart, "xAxis") : {}),
    })),
  });
  const map = (chart) => ({
    ...base(chart),
    legend: undefined,
    tooltip: { renderMode: "richText", trigger: "item", confine: true, formatter: ({ data }) => data?.said ?? "" },
    visualMap: { min: 0, max: chart.most, orient: "horizontal", left: 0, bottom: 0, textStyle: TEXT, text: chart.ends,
                 inRange: { color: ["#eff6fb", "#73b3e7", "#0050d8", "#162e51"] } },
    geo: { map: chart.layer, itemStyle: { areaColor: "#dfe1e2", borderColor: "#565c65" }, emphasis: { label: { show: false } } },
    series: [
      { type: "map", geoIndex: 0, data: chart.areas, selectedMode: false },
      { type: "scatter", coordinateSystem: "geo", symbolSize: 9, itemStyle: { borderColor: "#1b1b1b", borderWidth: 1 },
        data: chart.points },
    ],
  });
  // The shapes of one layer, for districts of one kind never overlap; and who has a place instead of a shape.
  const withShapes = async (chart) => {
    const [all, places] = await Promise.all([chart.shapes, chart.places].map(async (one) => (await fetch(one)).json()));
    echarts.registerMap(chart.layer, { ...all, features: all.features.filter((one) => one.properties.layer === chart.layer) });
    const placed = chart.areas.filter((one) => one.name in places);
    chart.points = placed.map((one) => ({ ...one, value: [...places[one.name], one.value] }));
  };
  const targeted = (chart, axis) => chart.target === undefined ? {} : {
    markLine: { symbol: "none", silent: true, data: [{ [axis]: chart.target }], lineStyle: { color: "#1b1b1b", type: "dashed", width: 2 },
                label: { ...TEXT, formatter: chart.target_name, position: axis === "xAxis" ? "start" : "insideEndTop" } },
  };
  const KINDS = { line, bar, map };

  const draw = async (figure) => {
    if (figure.classList.contains("is-drawn")) return;
    const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    figure.classList.add("is-drawn");
    if (chart.shapes) await withShapes(chart);
    const place = document.createElement("div");
    place.className = "drawing";
    if (chart.height) place.style.blockSize = `${chart.height}px`;
    figure.querySelector("figcaption").after(place);
    const drawn = echarts.init(place, null, { renderer: "svg" });
    drawn.setOption(KINDS[figure.dataset.chart](chart));
    new ResizeObserver(() => drawn.resize()).observe(place);
  };
  const drawAll = (below) => below.querySelectorAll("figure[data-chart]").forEach(draw);
  drawAll(document);
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
})();
