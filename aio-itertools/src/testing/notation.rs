use std::collections::VecDeque;

/// What happens at one instant of a marble string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Item(char),
    Failure,
    End,
}

/// The marks of a string, each with the number of ticks before it.
pub(super) type Marks = VecDeque<(u32, Mark)>;

/// Where a string is wrong, counted in characters from 1, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) column: usize,
    pub(super) character: char,
    pub(super) why: &'static str,
}

/// True for a character that stands for itself as an item.
pub(super) fn is_item(character: char) -> bool {
    character.is_alphanumeric()
}

/// Reads a marble string.
pub(super) fn read(text: &str) -> Result<Marks, Wrong> {
    let mut marks = Marks::new();
    let mut ticks = 0;
    let mut ended = false;
    // The column of the parenthesis that is open, and the marks before it.
    let mut group: Option<(usize, usize)> = None;
    for (column, character) in (1..).zip(text.chars()) {
        let wrong = |why| Wrong {
            column,
            character,
            why,
        };
        match character {
            ' ' => {}
            _ if ended => return Err(wrong("nothing comes after the end `|`")),
            '(' if group.is_some() => return Err(wrong("an instant is open already")),
            '(' => group = Some((column, marks.len())),
            ')' => match group.take() {
                None => return Err(wrong("no `(` is open")),
                Some((_, before)) if before == marks.len() => {
                    return Err(wrong("the instant holds no item"));
                }
                Some(_) => {}
            },
            '-' | '|' if group.is_some() => return Err(wrong("an instant holds items alone")),
            '-' => ticks += 1,
            '|' => {
                marks.push_back((ticks, Mark::End));
                ended = true;
            }
            '#' => marks.push_back((ticks, Mark::Failure)),
            _ if is_item(character) => marks.push_back((ticks, Mark::Item(character))),
            _ => {
                return Err(wrong(
                    "it is no mark: an item is a letter or digit, the others are `-`, `(`, `)`, `#` and `|`",
                ));
            }
        }
    }
    match group {
        None => Ok(marks),
        Some((column, _)) => Err(Wrong {
            column,
            character: '(',
            why: "it is never closed",
        }),
    }
}
