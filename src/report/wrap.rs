//! Text in lines.

/// A text between its words in lines: the first of at most `first` characters, the others of at most `next`.
///
/// A word that fits on no line stays whole, on a line of its own. There is at least one line.
pub(super) fn wrap(text: &str, first: usize, next: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let mut columns = first;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let letters = word.chars().count();
        if used > 0 && used + 1 + letters > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
            columns = next;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += letters;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("one two three four", 7, 9), ["one two", "three", "four"]);
        assert_eq!(wrap("one  two", 80, 80), ["one two"]);
        assert_eq!(wrap("", 80, 80), [""]);
        assert_eq!(wrap("äöü äöü", 7, 7), ["äöü äöü"]);
    }

    #[test]
    fn a_long_word_stands_alone_and_whole() {
        assert_eq!(wrap("see abcdefghij there", 5, 5), ["see", "abcdefghij", "there"]);
    }
}
