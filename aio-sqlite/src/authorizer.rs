//! What a statement may do, and what kind of statement it is: the connection's
//! one authorizer, and the commit hook that stands behind it.
//!
//! SQLite asks the authorizer while it prepares a statement. What it is to say
//! depends on who prepares, so both hooks are installed once and look here, at
//! the state of the worker's thread, which owns exactly one connection.

use std::cell::Cell;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// What statements may do just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Everything.
    Anything,
    /// Nothing is run: the statement is only looked at. A pragma can act while
    /// it is prepared, so it isn't let through.
    Look,
    /// What commits by itself: no transaction is begun or ended, and nothing
    /// is made that one connection has for itself.
    Script,
    /// Data and schema only: the transaction around is somebody else's, and so
    /// is the connection.
    Member,
    /// Reads: the transaction around is not to be ended.
    Read,
    /// Everything but to commit: what is done counts only together with what
    /// the crate adds to it.
    Sealed,
}

/// What a statement was seen to ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE.
    pub(crate) control: bool,
    /// ATTACH, DETACH.
    pub(crate) attach: bool,
    /// Something in the connection's own temporary database is changed.
    pub(crate) temporary: bool,
    pub(crate) pragma: bool,
    /// Foreign keys are to be checked at the end of the transaction only.
    pub(crate) deferring: bool,
    /// Rows are read.
    pub(crate) select: bool,
    /// Tables or the schema are changed.
    pub(crate) change: bool,
}

thread_local! {
    static RULE: Cell<Rule> = const { Cell::new(Rule::Anything) };
    static SEEN: Cell<Seen> = const { Cell::new(Seen {
        control: false,
        attach: false,
        temporary: false,
        pragma: false,
        deferring: false,
        select: false,
        change: false,
    }) };
}

fn under<T>(rule: Rule, work: impl FnOnce() -> T) -> (T, Seen) {
    struct Restore(Rule, Seen);
    impl Drop for Restore {
        fn drop(&mut self) {
            RULE.set(self.0);
            SEEN.set(self.1);
        }
    }
    let _restore = Restore(RULE.replace(rule), SEEN.replace(Seen::default()));
    let value = work();
    (value, SEEN.get())
}

/// Prepares statements without letting any take effect, and says what they
/// asked for.
pub(crate) fn looking<T>(prepare: impl FnOnce() -> T) -> (T, Seen) {
    under(Rule::Look, prepare)
}

/// Runs statements of which each is a transaction; says what they asked for.
pub(crate) fn scripted<T>(work: impl FnOnce() -> T) -> (T, Seen) {
    under(Rule::Script, work)
}

/// Runs work that may change data and schema, but neither end nor begin a
/// transaction, nor leave the connection other than it was; says what it asked
/// for.
pub(crate) fn as_member<T>(work: impl FnOnce() -> T) -> (T, Seen) {
    under(Rule::Member, work)
}

/// Runs work that reads on a connection which others read on too.
pub(crate) fn as_read<T>(work: impl FnOnce() -> T) -> T {
    under(Rule::Read, work).0
}

/// The pragmas that take an argument and leave the connection as it was: they
/// tell something, or write to the file and are undone with the rest. The
/// exception is the last, which SQLite forgets at the end of the transaction.
const HARMLESS: [&str; 14] = [
    "application_id",
    "foreign_key_check",
    "foreign_key_list",
    "incremental_vacuum",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
    DEFER_FOREIGN_KEYS,
];

const DEFER_FOREIGN_KEYS: &str = "defer_foreign_keys";

/// Lets nothing be committed until the seal is broken.
pub(crate) fn seal() {
    RULE.set(Rule::Sealed);
}

/// Lets everything happen again.
pub(crate) fn break_seal() {
    RULE.set(Rule::Anything);
}

/// The authorizer.
pub(crate) fn authorize(context: AuthContext<'_>) -> Authorization {
    let mut seen = SEEN.get();
    let mut control = false;
    let mut setting = false;
    let mut own_object = false;
    match context.action {
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            seen.control = true;
            control = true;
        }
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            seen.attach = true;
            control = true;
        }
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            seen.pragma = true;
            let is = |name: &&str| pragma_name.eq_ignore_ascii_case(name);
            setting = pragma_value.is_some() && !HARMLESS.iter().any(is);
            seen.deferring |= is(&DEFER_FOREIGN_KEYS);
        }
        AuthAction::Select => seen.select = true,
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => {
            seen.temporary = true;
            own_object = true;
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => {
            seen.change = true;
            // ALTER TABLE looks for temporary triggers to rename.
            seen.temporary |= context.database_name == Some("temp")
                && table_name != "sqlite_temp_master"
                && table_name != "sqlite_temp_schema";
        }
        AuthAction::CreateIndex { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. } => seen.change = true,
        _ => {}
    }
    SEEN.set(seen);
    let denied = match RULE.get() {
        Rule::Anything | Rule::Sealed => false,
        Rule::Look => seen.pragma,
        Rule::Script => control || seen.temporary,
        Rule::Member => control || setting || own_object,
        Rule::Read => control || setting,
    };
    if denied {
        Authorization::Deny
    } else {
        Authorization::Allow
    }
}

/// The commit hook: `true` turns the commit into a rollback.
///
/// After SQLite has rolled a transaction back by itself, each later statement
/// would be committed on its own. Work that may not end its transaction may not
/// do that either.
pub(crate) fn refuse_commit() -> bool {
    matches!(RULE.get(), Rule::Member | Rule::Read | Rule::Sealed)
}
