//! Figures that no two runs have in common, such as times.

const UNITS: [&str; 3] = ["s", "ms", "bytes"];

/// A text without its figures, and these. A figure is a number with a unit behind it.
pub(crate) fn figures(text: &str) -> (String, Vec<f64>) {
    let mut figures = Vec::new();
    let mut line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let unit = |at: usize| {
            let after = words.get(at + 1)?;
            UNITS
                .contains(&after.trim_end_matches([',', ':']))
                .then_some(())
        };
        let masked = words.iter().enumerate().map(|(at, word)| {
            match word.parse().ok().filter(|_| unit(at).is_some()) {
                Some(figure) => {
                    figures.push(figure);
                    "#"
                }
                None => word,
            }
        });
        masked.collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = text.split('\n').map(&mut line).collect();
    (lines.join("\n"), figures)
}

/// Fails unless a program printed this text, with figures that are no smaller. Gives them.
#[track_caller]
pub(crate) fn assert_at_least(printed: &str, least: &str) -> Vec<f64> {
    let (printed_text, printed_figures) = figures(printed);
    let (text, figures) = figures(least);
    assert_eq!(printed_text, text);
    for (figure, least) in printed_figures.iter().zip(figures) {
        assert!(*figure >= least, "{figure} < {least} in:\n{printed}");
    }
    printed_figures
}

#[test]
fn figures_are_told_from_other_numbers() {
    let (text, figures) = figures("A 3\n0.25 s, done: crow 1 of 3 bytes\nsend 2 in 17 ms\n");
    assert_eq!(text, "A 3\n# s, done: crow 1 of # bytes\nsend 2 in # ms\n");
    assert_eq!(figures, [0.25, 3.0, 17.0]);
}
