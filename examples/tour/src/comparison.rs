//! Two ways to do the same, compared at several sizes: a table and a chart.

use std::fs;
use std::path::Path;
use std::time::Instant;

use plotters::prelude::{
    BindKeyPoints, ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, IntoLogRange,
    LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Failure;

/// How large the chart is, in pixels.
const SIZE: (u32, u32) = (900, 540);

/// The colour of each line, and of the values at its points.
const COLOURS: [RGBColor; 2] = [RGBColor(190, 70, 30), RGBColor(20, 90, 170)];

/// How far above or below its point a value stands, in pixels.
const APART: i32 = 9;

/// The number of threads in this process, as the system counts them; `?` where it
/// doesn't say so in `/proc/self/status`.
#[must_use]
pub fn threads() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    line.map_or("?", str::trim).to_owned()
}

/// What was measured of a crowd of clients.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What a request takes: the time from the start of the first client to the last
    /// answer, by the number of requests that a client makes one after another. It is rounded
    /// to a tenth, so that the chart shows what the table says.
    pub ms: f64,
    /// How many threads the process had when all clients were there.
    pub threads: String,
}

impl Measured {
    /// What a crowd took that began then, and has just ended.
    #[must_use]
    pub fn since(start: Instant, requests: u32, threads: String) -> Measured {
        let ms = start.elapsed().as_secs_f64() * 1000.0 / f64::from(requests);
        Measured {
            ms: (ms * 10.0).round() / 10.0,
            threads,
        }
    }
}

/// The table, printed line by line, and what the chart is drawn from.
#[derive(Debug)]
pub struct Comparison {
    ways: [&'static str; 2],
    sizes: Vec<u32>,
    ms: [Vec<f64>; 2],
}

impl Comparison {
    /// Prints the head of the table, of two ways.
    #[must_use]
    pub fn of(ways: [&'static str; 2]) -> Comparison {
        let [first, second] = ways;
        println!("        | {first:25} | {second:25}");
        println!("clients | ms per request | Threads: | ms per request | Threads:");
        println!("--------|----------------|----------|----------------|---------");
        Comparison {
            ways,
            sizes: Vec::new(),
            ms: [Vec::new(), Vec::new()],
        }
    }

    /// Prints a line of it. Sizes come in ascending order.
    pub fn row(&mut self, clients: u32, [first, second]: [Measured; 2]) {
        println!(
            "{clients:7} | {:14.1} | {:>8} | {:14.1} | {:>8}",
            first.ms, first.threads, second.ms, second.threads
        );
        self.sizes.push(clients);
        self.ms[0].push(first.ms);
        self.ms[1].push(second.ms);
    }

    /// Draws the chart of it into a file, each point with its value in writing.
    ///
    /// # Errors
    ///
    /// Where the file can't be written, in a line that names it, and where the table
    /// has no line.
    pub fn save(&self, title: &str, path: &Path) -> Result<(), Failure> {
        let svg = self.svg(title)?;
        fs::write(path, svg).map_err(|error| Failure::of(path.display(), error))
    }

    fn svg(&self, title: &str) -> Result<String, Failure> {
        let (Some(&first), Some(&last)) = (self.sizes.first(), self.sizes.last()) else {
            return Err(Failure::of(title, "there is nothing to draw"));
        };
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;

        let sizes: Vec<f64> = self.sizes.iter().copied().map(f64::from).collect();
        let highest = self
            .ms
            .iter()
            .flatten()
            .copied()
            .fold(f64::MIN_POSITIVE, f64::max);
        // Sizes double, so that equal steps are equal factors; values begin at zero,
        // so that twice as high is twice as long. Above the highest the names have room.
        let across = (f64::from(first) / 1.4..f64::from(last) * 1.4).log_scale();
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(64)
            .build_cartesian_2d(across.with_key_points(sizes.clone()), 0.0..highest * 1.35)?;
        chart
            .configure_mesh()
            .x_desc("clients")
            .y_desc("ms per request")
            .axis_desc_style(("sans-serif", 17))
            .label_style(("sans-serif", 14))
            .x_label_formatter(&|size| format!("{size:.0}"))
            .light_line_style(WHITE)
            .draw()?;

        for ((way, values), colour) in self.ways.iter().zip(&self.ms).zip(COLOURS) {
            let points = || sizes.iter().copied().zip(values.iter().copied());
            chart
                .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
                .label(*way)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
                });
            chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
        }
        for (at, &size) in sizes.iter().enumerate() {
            let value = |line: usize| self.ms[line][at];
            let upper = usize::from(value(1) > value(0));
            for (line, v_pos, apart) in
                [(upper, VPos::Bottom, -APART), (1 - upper, VPos::Top, APART)]
            {
                let style = ("sans-serif", 15).into_font().color(&COLOURS[line]);
                let style = style.pos(Pos::new(HPos::Center, v_pos));
                let (x, y) = chart.backend_coord(&(size, value(line)));
                let written = format!("{:.1}", value(line));
                area.draw(&Text::new(written, (x, y + apart), style))?;
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 16))
            .background_style(WHITE)
            .border_style(RGBColor(200, 200, 200))
            .draw()?;
        area.present()?;
        drop(chart);
        drop(area);
        Ok(svg)
    }
}
