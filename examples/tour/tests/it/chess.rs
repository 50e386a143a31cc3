//! `chess`: twelve hours against one.
