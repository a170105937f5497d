//! Results as a picture: for each engine and workload, operations per second of each candidate.

use std::fmt::Write;

use super::results::{Cell, Results};
use super::subjects::{CANDIDATES, COMPARED, Engine};
use super::tables;

const PANEL: u32 = 300;
const MARGIN: u32 = 20;
const BAR: u32 = 18;
/// Room for a candidate's name and for its number.
const NAME: u32 = 70;
const NUMBER: u32 = 70;
/// Mainstay stands out; the others are alike.
const COLOURS: [&str; 5] = ["#1f6feb", "#8c959f", "#8c959f", "#8c959f", "#8c959f"];

/// The picture, at the highest number of tasks and the default durability.
pub(super) fn svg(results: &Results) -> String {
    let measured = |engine: Engine| {
        results
            .cells
            .iter()
            .any(|cell| cell.engine == engine.name())
    };
    let engines: Vec<Engine> = Engine::ALL
        .into_iter()
        .filter(|engine| measured(*engine))
        .collect();
    let workloads = COMPARED.into_iter();
    let workloads =
        workloads.filter(|name| results.cells.iter().any(|cell| cell.workload == *name));
    let workloads: Vec<&str> = workloads.collect();
    let row = MARGIN + 24 + BAR * 5;
    let width = MARGIN + (PANEL + MARGIN) * engines.len() as u32;
    let height = MARGIN * 2 + row * workloads.len() as u32 + 24;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Operations per second, more is better</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"14\" fill=\"#1f2328\">\
         Operations per second (bulk insert: rows), more is better</text>\n"
    );
    for (down, workload) in workloads.iter().enumerate() {
        for (across, engine) in engines.iter().enumerate() {
            let x = MARGIN + (PANEL + MARGIN) * across as u32;
            let y = MARGIN + 24 + row * down as u32;
            panel(&mut text, &chosen(results, engine.name(), workload), (x, y));
        }
    }
    text.push_str("</svg>\n");
    text
}

/// The cells of a panel.
fn chosen<'a>(results: &'a Results, engine: &str, workload: &str) -> Vec<&'a Cell> {
    let cells = results.cells.iter();
    // What is not the default is the exception.
    let cells = cells.filter(|cell| {
        cell.engine == engine && cell.workload == workload && cell.durability != "normal"
    });
    let cells: Vec<&Cell> = cells.collect();
    let most = cells.iter().map(|cell| cell.tasks).max();
    let mut cells: Vec<&Cell> = cells
        .into_iter()
        .filter(|cell| Some(cell.tasks) == most)
        .collect();
    cells.sort_by_key(|cell| CANDIDATES.iter().position(|name| *name == cell.candidate));
    cells
}

fn panel(text: &mut String, cells: &[&Cell], (x, y): (u32, u32)) {
    let Some(first) = cells.first() else { return };
    let tasks = if first.tasks == 1 { "task" } else { "tasks" };
    let _ = writeln!(
        text,
        "<text x=\"{x}\" y=\"{}\" fill=\"#1f2328\" font-weight=\"bold\">{}, {}, {} {tasks}</text>",
        y + 14,
        first.engine,
        first.workload,
        first.tasks,
    );
    let most = cells.iter().map(|cell| cell.ops_per_s).fold(1.0, f64::max);
    for (at, cell) in cells.iter().enumerate() {
        let top = y + 22 + BAR * at as u32;
        let length = f64::from(PANEL - NAME - NUMBER) * cell.ops_per_s / most;
        let colour = CANDIDATES
            .iter()
            .position(|name| *name == cell.candidate)
            .map_or(COLOURS[1], |at| COLOURS[at]);
        let _ = writeln!(
            text,
            "<text x=\"{x}\" y=\"{base}\" fill=\"#1f2328\">{name}</text>\
             <rect x=\"{left}\" y=\"{top}\" width=\"{length:.1}\" height=\"{tall}\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{base}\" fill=\"#1f2328\">{number}</text>",
            base = top + 12,
            name = cell.candidate,
            left = x + NAME,
            tall = BAR - 4,
            end = f64::from(x + NAME) + length + 4.0,
            number = tables::number(Some(cell.ops_per_s)),
        );
    }
}
