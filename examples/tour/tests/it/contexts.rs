//! What is sent in a context that ends well, and what in one that doesn't.

use crate::program::program;

/// What the program prints for so many messages.
fn expected(n: u32) -> String {
    let bad = n + 1;
    let why = "a message: it is empty";
    let left = "  (left without a commit: what was sent is taken back)";
    let sent = |how, rows| format!("  {how:25}  rows sent: {n}, now in the table: {rows}");
    let nothing = |how, rows, why: &str| {
        format!("  {how:25}  nothing sent, still in the table: {rows} ({why})")
    };
    let lines = [
        format!("messages ({n}):"),
        sent("by hand", n),
        sent("inside `with`", 2 * n),
        sent("in a context of our own", 3 * n),
        sent("in a database in a folder", n),
        String::new(),
        format!("messages ({bad}, the last one empty):"),
        nothing("by hand", 3 * n, why),
        nothing("inside `with`", 3 * n, why),
        left.to_owned(),
        nothing("in a context of our own", 3 * n, why),
        nothing("in a database in a folder", 0, why),
        String::new(),
        format!("messages ({n}, cancelled when all are in):"),
        left.to_owned(),
        nothing(
            "in a context of our own",
            3 * n,
            "cancelled: it never came to its commit",
        ),
    ];
    lines.join("\n") + "\n"
}

#[test]
fn contexts_send_all_rows_and_after_an_error_nothing_in_each_style() {
    let program = program!("contexts");
    assert_eq!(program.run(&[]).ok(), expected(3));
    for n in [1, 8] {
        let out = program.run(&["--messages", &n.to_string()]).ok();
        assert_eq!(out, expected(n));
    }
}

#[test]
fn contexts_leaves_no_folder_behind() {
    let program = program!("contexts");
    let mut command = program.command(&[]);
    command.env("TMPDIR", program.folder());
    program
        .end(command.spawn().expect("the program starts"))
        .ok();
    let left = std::fs::read_dir(program.folder()).expect("the folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn contexts_refuses_no_messages_and_too_many() {
    for (n, why) in [
        ("0", "0 is not in 1..=1000"),
        ("1001", "1001 is not in 1..=1000"),
        ("x", "invalid digit found in string"),
    ] {
        let line = program!("contexts").run(&["--messages", n]).error(2);
        assert!(
            line.ends_with(&format!("'--messages <MESSAGES>': {why} (see --help)\n")),
            "{line}"
        );
    }
}
