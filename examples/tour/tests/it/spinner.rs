//! `spinner`: a line that turns beside slow work.
