//! The lines of one phone, in order.
//!
//! A plain list: nearly every phone has one line or two, and a tree would take room for eleven at once, which is most
//! of the memory of a large fleet.

use super::phone::{Line, LineId};

/// Lines by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<(LineId, Line)>);

impl Lines {
    /// No lines.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A line by its name.
    pub fn get(&self, id: &LineId) -> Option<&Line> {
        self.place(id).ok().map(|at| &self.0[at].1)
    }

    /// A line to be told something about.
    pub fn get_mut(&mut self, id: &LineId) -> Option<&mut Line> {
        self.place(id).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether the line is one of them.
    pub fn contains_key(&self, id: &LineId) -> bool {
        self.place(id).is_ok()
    }

    /// Adds a line, or replaces what is known of it; returns what was known before.
    pub fn insert(&mut self, id: LineId, line: Line) -> Option<Line> {
        match self.place(&id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, line)),
            Err(at) => {
                // Without it the list would make room for four.
                self.0.reserve_exact(1);
                self.0.insert(at, (id, line));
                None
            }
        }
    }

    /// Takes a line away.
    pub fn remove(&mut self, id: &LineId) -> Option<Line> {
        self.place(id).ok().map(|at| self.0.remove(at).1)
    }

    /// Takes all lines away.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps those that are to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&LineId, &mut Line) -> bool) {
        self.0.retain_mut(|(id, line)| keep(id, line));
    }

    /// All lines with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&LineId, &Line)> {
        self.0.iter().map(|(id, line)| (id, line))
    }

    /// All lines with their names, to be told something about.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&LineId, &mut Line)> {
        self.0.iter_mut().map(|(id, line)| (&*id, line))
    }

    /// The names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &LineId> {
        self.0.iter().map(|(id, _)| id)
    }

    /// The lines, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().map(|(_, line)| line)
    }

    fn place(&self, id: &LineId) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(id))
    }
}

impl FromIterator<(LineId, Line)> for Lines {
    fn from_iter<I: IntoIterator<Item = (LineId, Line)>>(lines: I) -> Self {
        let mut all = Self::new();
        for (id, line) in lines {
            all.insert(id, line);
        }
        all
    }
}

impl IntoIterator for Lines {
    type Item = (LineId, Line);
    type IntoIter = std::vec::IntoIter<(LineId, Line)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::PbxName;

    fn id(user: &str) -> LineId {
        LineId { pbx: PbxName::new("pbx1"), user: user.into() }
    }

    #[test]
    fn lines_stay_in_the_order_of_their_names() {
        let mut lines: Lines =
            ["2119", "2117", "2118"].map(|user| (id(user), Line::UNSEEN)).into_iter().collect();
        assert_eq!(lines.insert(id("2118"), Line { contacts: 2, ..Line::UNSEEN }), Some(Line::UNSEEN));
        assert_eq!(lines.remove(&id("2120")), None);
        assert_eq!(lines.remove(&id("2119")), Some(Line::UNSEEN));
        let left: Vec<_> = lines.iter().map(|(id, line)| (id.user.to_string(), line.contacts)).collect();
        assert_eq!(left, [("2117".to_owned(), 0), ("2118".to_owned(), 2)]);
    }

    #[test]
    fn a_phone_with_one_line_takes_room_for_one() {
        let mut lines = Lines::new();
        lines.insert(id("2117"), Line::UNSEEN);
        assert_eq!(lines.0.capacity(), 1);
    }
}
