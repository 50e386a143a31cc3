//! Two ways to do the same, compared at several sizes: a table and a chart.

use std::path::Path;
use std::time::Instant;

use crate::Failure;
use crate::chart::Chart;

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

    /// Draws the chart of it into a file.
    ///
    /// # Errors
    ///
    /// Where the file can't be written, and where the table has no line.
    pub fn save(self, title: &str, path: &Path) -> Result<(), Failure> {
        let [first, second] = self.ms;
        let chart = Chart {
            title: title.to_owned(),
            across: "clients",
            up: "ms per request",
            sizes: self.sizes,
            lines: [(self.ways[0], first), (self.ways[1], second)],
        };
        chart.save(path)
    }
}
