//! `shapes`: each crate in its three shapes.

use crate::program::program;

#[test]
fn each_crate_has_three_shapes() {
    for count in [4, 7] {
        let squares: Vec<u32> = (1..=count).map(|n| n * n).collect();
        let sum: u32 = squares.iter().sum();
        let last = count * count;
        let listed = |numbers: &[u32]| {
            let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
            words.join(" ")
        };
        let bytes: usize = squares.iter().map(|n| n.to_string().len() + 1).sum();
        let totals: Vec<u32> = squares
            .iter()
            .scan(0, |total, n| {
                *total += n;
                Some(*total)
            })
            .collect();
        let (squares, totals) = (listed(&squares), listed(&totals));
        let expected = format!(
            "aio-sqlite:
  guard:    {count} rows in one transaction
  awaited:  their sum is {sum}
  iterated: {squares}

aio-files:
  guard:    {count} lines in one step
  awaited:  {bytes} bytes
  iterated: {squares}

aio-itertools:
  guard:    {count} tasks in a group, and {sum} is the sum of their squares
  awaited:  {count} squares
  iterated: {totals}

aio-pool:
  guard:    2 processes
  awaited:  {last} from one of them
  iterated: {squares}
"
        );
        let printed = program!("shapes").run(&["--count", &count.to_string()]);
        assert_eq!(printed.ok(), expected);
    }
}

#[test]
fn no_numbers_at_all_are_refused() {
    let line = program!("shapes").run(&["--count", "0"]).error(2);
    assert!(line.contains("'0' for '--count <COUNT>'"), "{line}");
}
