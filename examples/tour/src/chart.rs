//! A chart that compares two things, saved as an SVG.

use std::fs;
use std::path::Path;

use plotters::prelude::{
    BindKeyPoints, ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, IntoLogRange,
    LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Failure;

/// How large it is, in pixels.
const SIZE: (u32, u32) = (900, 540);

/// The colour of each line, and of the values at its points.
const COLOURS: [RGBColor; 2] = [RGBColor(190, 70, 30), RGBColor(20, 90, 170)];

/// How far above or below its point a value stands, in pixels.
const APART: i32 = 9;

/// Two lines over the same sizes.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The line above all.
    pub title: String,
    /// What the sizes count.
    pub across: &'static str,
    /// What the values measure, with its unit.
    pub up: &'static str,
    /// The sizes, each larger than the one before, and none of them zero.
    pub sizes: Vec<u32>,
    /// The name of each line, and a value for each size.
    pub lines: [(&'static str, Vec<f64>); 2],
}

impl Chart {
    /// Draws it into a file, each point with its value in writing.
    ///
    /// # Errors
    ///
    /// Where the file can't be written, in a line that names it, and where there is
    /// no size.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let svg = self.svg()?;
        fs::write(path, svg).map_err(|error| Failure::of(path.display(), error))
    }

    fn svg(&self) -> Result<String, Failure> {
        let (Some(&first), Some(&last)) = (self.sizes.first(), self.sizes.last()) else {
            return Err(Failure::of(&self.title, "there is nothing to draw"));
        };
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;

        let sizes: Vec<f64> = self.sizes.iter().copied().map(f64::from).collect();
        let values = self.lines.iter().flat_map(|(_, values)| values);
        let highest = values.copied().fold(f64::MIN_POSITIVE, f64::max);
        // Sizes double, so that equal steps are equal factors; values begin at zero,
        // so that twice as high is twice as long. Above the highest the names have room.
        let across = (f64::from(first) / 1.4..f64::from(last) * 1.4).log_scale();
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(64)
            .build_cartesian_2d(across.with_key_points(sizes.clone()), 0.0..highest * 1.35)?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .axis_desc_style(("sans-serif", 17))
            .label_style(("sans-serif", 14))
            .x_label_formatter(&|size| format!("{size:.0}"))
            .light_line_style(WHITE)
            .draw()?;

        for ((name, values), colour) in self.lines.iter().zip(COLOURS) {
            let points = || sizes.iter().copied().zip(values.iter().copied());
            chart
                .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
                });
            chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
        }
        for (at, &size) in sizes.iter().enumerate() {
            let value = |line: usize| self.lines[line].1[at];
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
