//! Items that several readers have still to read, each from its own position.
//!
//! It is a state machine without locks, wakers or foreign code: an item that has
//! to be cloned is lent out, and what nobody needs any more is handed out to be
//! dropped, so that a `Clone` or `Drop` of the item never runs inside.

use std::collections::VecDeque;

use crate::size_hint::{SizeHint, plus};

/// How far a reader may be behind, in items, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No new item is taken while a reader is this far behind.
    Block(usize),
    /// A reader that would be further behind loses its oldest items.
    DropOldest(usize),
    /// A reader that would be further behind gets no new ones.
    Fail(usize),
    Unbounded,
}

/// An item and how many readers need it.
struct Kept<T> {
    /// Which of all items this one is, counted from the first.
    index: u64,
    /// `None` while it is lent out.
    item: Option<T>,
    /// At least one.
    readers: usize,
}

#[derive(Clone, Copy)]
struct Reader {
    /// The index of the item that comes next.
    position: u64,
    /// The index from which on it gets nothing, once it has failed.
    until: Option<u64>,
}

impl Reader {
    fn needs(&self, index: u64) -> bool {
        self.position <= index && self.until.is_none_or(|until| index < until)
    }
}

/// What a reader finds at its position.
pub(crate) enum Found<T> {
    /// The item: nobody else needs it.
    Own(T),
    /// The item, to be cloned and put back: others need it.
    Lent(T),
    /// An item that another reader has been lent.
    Busy,
    /// That this many items were lost; the reader goes on behind them.
    Lost(u64),
    /// That this many items were lost, and the end.
    Failed(u64),
    /// Nothing yet: it has read all that there is.
    Nothing,
}

/// The items and the readers.
pub(crate) struct Readers<T> {
    rule: Rule,
    /// In the order of their indices; without gaps unless a reader has failed.
    kept: VecDeque<Kept<T>>,
    /// The index of the item that is pushed next.
    next: u64,
    readers: Vec<Option<Reader>>,
}

impl<T> Readers<T> {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            rule,
            kept: VecDeque::new(),
            next: 0,
            readers: Vec::new(),
        }
    }

    pub(crate) fn rule(&self) -> Rule {
        self.rule
    }

    /// Adds a reader that gets the items from the next one on.
    pub(crate) fn add(&mut self) -> usize {
        self.admit(Reader {
            position: self.next,
            until: None,
        })
    }

    /// Adds a reader at the position of another.
    pub(crate) fn add_beside(&mut self, id: usize) -> usize {
        let reader = *self.reader(id);
        for kept in &mut self.kept {
            kept.readers += usize::from(reader.needs(kept.index));
        }
        self.admit(reader)
    }

    fn admit(&mut self, reader: Reader) -> usize {
        match self.readers.iter().position(Option::is_none) {
            Some(vacant) => {
                self.readers[vacant] = Some(reader);
                vacant
            }
            None => {
                self.readers.push(Some(reader));
                self.readers.len() - 1
            }
        }
    }

    /// Removes a reader, and hands out the items that only it needed.
    #[must_use = "items are dropped where no lock is held"]
    pub(crate) fn remove(&mut self, id: usize) -> Vec<T> {
        let mut unneeded = Vec::new();
        if let Some(reader) = self.readers[id].take() {
            self.kept.retain_mut(|kept| {
                kept.readers -= usize::from(reader.needs(kept.index));
                if kept.readers == 0 {
                    unneeded.extend(kept.item.take());
                }
                kept.readers > 0
            });
        }
        unneeded
    }

    /// How many readers there are.
    pub(crate) fn count(&self) -> usize {
        self.readers.iter().flatten().count()
    }

    /// True if one more item may be pushed.
    pub(crate) fn has_room(&self) -> bool {
        match self.rule {
            Rule::Block(most) => self.kept.len() < most,
            Rule::DropOldest(_) | Rule::Fail(_) | Rule::Unbounded => true,
        }
    }

    /// Takes a new item for those who have read all, at least one, and hands out
    /// the item that is lost for it.
    #[must_use = "items are dropped where no lock is held"]
    pub(crate) fn push(&mut self, item: T) -> Option<T> {
        let mut lost = None;
        match self.rule {
            Rule::DropOldest(most) if self.kept.len() >= most => {
                lost = self.kept.pop_front().and_then(|kept| kept.item);
            }
            Rule::Fail(most) if self.kept.len() >= most => self.fail_behind(most),
            _ => {}
        }
        let live = self.readers.iter().flatten();
        let readers = live.filter(|reader| reader.until.is_none()).count();
        self.kept.push_back(Kept {
            index: self.next,
            item: Some(item),
            readers,
        });
        self.next += 1;
        lost
    }

    /// Lets every reader fail that a new item would put more than `most` behind.
    fn fail_behind(&mut self, most: usize) {
        let next = self.next;
        for reader in self.readers.iter_mut().flatten() {
            if reader.until.is_none() && next - reader.position >= most as u64 {
                reader.until = Some(next);
            }
        }
    }

    /// Takes what is at the position of a reader.
    ///
    /// What is [`Lent`](Found::Lent) comes back by [`put_back`](Self::put_back)
    /// or, if it could not be cloned, by [`give_up`](Self::give_up).
    pub(crate) fn read(&mut self, id: usize) -> Found<T> {
        let reader = *self.reader(id);
        if let Some(until) = reader.until.filter(|until| reader.position >= *until) {
            return Found::Failed(self.next - until);
        }
        let at = self.at(reader.position);
        let Some(kept) = self.kept.get_mut(at) else {
            return Found::Nothing;
        };
        if kept.index > reader.position {
            let lost = kept.index - reader.position;
            self.reader_mut(id).position += lost;
            return Found::Lost(lost);
        }
        match kept.item.take() {
            None => Found::Busy,
            Some(item) if kept.readers > 1 => Found::Lent(item),
            Some(item) => {
                self.kept.remove(at);
                self.reader_mut(id).position += 1;
                Found::Own(item)
            }
        }
    }

    /// Takes back what a reader was lent and has cloned, and hands it out again
    /// if nobody needs it any more.
    #[must_use = "items are dropped where no lock is held"]
    pub(crate) fn put_back(&mut self, id: usize, item: T) -> Option<T> {
        let index = self.reader(id).position;
        self.reader_mut(id).position += 1;
        let at = self.at(index);
        match self.kept.get_mut(at) {
            Some(kept) if kept.index == index && kept.readers > 1 => {
                kept.readers -= 1;
                kept.item = Some(item);
                None
            }
            Some(kept) if kept.index == index => {
                self.kept.remove(at);
                Some(item)
            }
            // It was the oldest one meanwhile, and lost to the others.
            _ => Some(item),
        }
    }

    /// Takes back what a reader was lent and has still to read.
    #[must_use = "items are dropped where no lock is held"]
    pub(crate) fn give_up(&mut self, id: usize, item: T) -> Option<T> {
        let index = self.reader(id).position;
        let at = self.at(index);
        match self.kept.get_mut(at) {
            Some(kept) if kept.index == index => {
                kept.item = Some(item);
                None
            }
            _ => Some(item),
        }
    }

    /// What a reader has still to read of what was pushed.
    pub(crate) fn unread(&self, id: usize) -> Unread {
        let reader = self.reader(id);
        let first = self.at(reader.position);
        let end = reader.until.map_or(self.kept.len(), |until| self.at(until));
        let next = self.kept.get(first).map(|kept| kept.index);
        Unread {
            rule: self.rule,
            items: end - first,
            loss: reader.until.is_some() || next.is_some_and(|next| next > reader.position),
            failed: reader.until.is_some(),
        }
    }

    /// Hands out every item, the oldest first.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        self.kept.drain(..).filter_map(|kept| kept.item).collect()
    }

    /// Where the first item is that has this index or a later one.
    fn at(&self, index: u64) -> usize {
        let (Some(first), Some(last)) = (self.kept.front(), self.kept.back()) else {
            return 0;
        };
        let length = self.kept.len() as u64;
        if last.index - first.index < length {
            // Without gaps the indices tell.
            return index.saturating_sub(first.index).min(length) as usize;
        }
        self.kept.partition_point(|kept| kept.index < index)
    }

    fn reader(&self, id: usize) -> &Reader {
        let reader = self.readers[id].as_ref();
        reader.expect("a reader is there until it is removed")
    }

    fn reader_mut(&mut self, id: usize) -> &mut Reader {
        let reader = self.readers[id].as_mut();
        reader.expect("a reader is there until it is removed")
    }
}

/// What a reader has still to read of what was pushed.
pub(crate) struct Unread {
    rule: Rule,
    pub(crate) items: usize,
    /// True if it is still to be told of a loss.
    loss: bool,
    failed: bool,
}

impl Unread {
    /// How much the reader finds if nothing is pushed any more.
    pub(crate) fn outputs(&self) -> usize {
        self.items + usize::from(self.loss)
    }

    /// How much the reader finds if so many items are pushed, now or later.
    pub(crate) fn outputs_before(&self, pushed: SizeHint) -> SizeHint {
        let (least, most) = plus(pushed, self.outputs());
        match self.rule {
            _ if self.failed => (self.outputs(), Some(self.outputs())),
            Rule::Block(_) | Rule::Unbounded => (least, most),
            // At worst all but the last, or the first, are lost: for one error.
            Rule::DropOldest(lag) | Rule::Fail(lag) => (least.min(lag.saturating_add(1)), most),
        }
    }
}
