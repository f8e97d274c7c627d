//! A settings file of the administrator, taken apart without changing a byte of what is in it.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

/// The setting that is effective only where it stands first in a settings file.
pub(super) const FIRST: &str = "auto_reboot_on_setting_change";

/// One setting of a `<phone-settings>` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name: `user_name`.
    pub name: String,
    /// Its `idx`, where it has one: settings of one name and another index are other settings.
    pub index: Option<String>,
    /// Its value with entities resolved; empty where it holds elements.
    pub value: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    /// The element as it was written, with what stands before it.
    pub(super) bytes: String,
}

/// A settings file, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// Its settings, in the order of the file.
    pub settings: Vec<Setting>,
    /// The attributes of `<phone-settings>` as they were written.
    pub(super) attributes: String,
    /// Everything else of `<settings>`, as it was written: function keys, dial plans, directories.
    pub(super) sections: Vec<String>,
    /// What stands behind the last setting.
    pub(super) tail: String,
}

/// Why a file is no settings file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Flaw {
    /// What is wrong.
    pub what: String,
    /// Where.
    pub span: Range<usize>,
}

impl Template {
    /// Takes a settings file apart.
    pub fn read(text: &str) -> Result<Self, Flaw> {
        let mut reading = Reading { text, reader: Reader::from_str(text) };
        let mut template = Self::default();
        reading.root()?;
        let mut sections = 0;
        let mut from = reading.at();
        while let Some(child) = reading.child("settings")? {
            let name = child.name;
            if name != "phone-settings" {
                let end = reading.skip(&child.element, child.empty, &name)?;
                template.sections.push(text[from..end].to_owned());
                from = end;
                continue;
            }
            sections += 1;
            if sections > 1 {
                let what = "there are two `<phone-settings>`: put all settings into one".to_owned();
                return Err(Flaw { what, span: child.span });
            }
            let attributes = child.element.attributes_raw();
            template.attributes = attributes.trim_end().to_owned();
            if !child.empty {
                reading.settings(&mut template)?;
            }
            from = reading.at();
        }
        reading.nothing_more()?;
        Ok(template)
    }

    /// The value of a setting without an index.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut named = self.settings.iter().filter(|setting| setting.name == name);
        named.next_back().map(|setting| setting.value.as_str())
    }
}

/// An element that was come across.
struct Child {
    name: String,
    element: BytesStart<'static>,
    empty: bool,
    span: Range<usize>,
}

struct Reading<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl Reading<'_> {
    fn at(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(self.text.len()).min(self.text.len())
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        let at = usize::try_from(self.reader.error_position()).unwrap_or(0).max(1).min(self.text.len());
        Flaw { what: what.into(), span: at..at }
    }

    fn next(&mut self) -> Result<(Event<'static>, Range<usize>), Flaw> {
        let from = self.at();
        match self.reader.read_event() {
            Ok(event) => Ok((event.into_owned(), from..self.at())),
            Err(_) => Err(self.flaw("this is no XML")),
        }
    }

    /// Goes behind `<settings>`.
    fn root(&mut self) -> Result<(), Flaw> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::Start(tag) if tag.name().as_ref() == "settings" => return Ok(()),
                Event::Start(_) | Event::Empty(_) | Event::Eof => {
                    let what = "a settings file begins with `<settings>`".to_owned();
                    return Err(Flaw { what, span });
                }
                Event::Text(text) if !text.trim().is_empty() => {
                    return Err(Flaw { what: "text stands before `<settings>`".to_owned(), span });
                }
                _ => {}
            }
        }
    }

    /// The next element inside this one; `None` at its end.
    fn child(&mut self, inside: &str) -> Result<Option<Child>, Flaw> {
        loop {
            let (event, span) = self.next()?;
            let (element, empty) = match event {
                Event::Start(tag) => (tag, false),
                Event::Empty(tag) => (tag, true),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(Flaw { what: format!("`<{inside}>` has no end"), span }),
                Event::Text(text) if !text.trim().is_empty() => {
                    let what = format!("text stands between the elements of `<{inside}>`");
                    return Err(Flaw { what, span });
                }
                Event::GeneralRef(_) | Event::CData(_) => {
                    let what = format!("text stands between the elements of `<{inside}>`");
                    return Err(Flaw { what, span });
                }
                _ => continue,
            };
            let name = element.name().as_ref().to_owned();
            return Ok(Some(Child { name, element, empty, span }));
        }
    }

    /// Goes behind the end of an element; where that is.
    fn skip(&mut self, element: &BytesStart<'_>, empty: bool, name: &str) -> Result<usize, Flaw> {
        if !empty {
            let end = element.to_end().into_owned();
            let skipped = self.reader.read_to_end(end.name());
            // The reader's own words may quote what follows, and that may be a password.
            skipped.map_err(|_| self.flaw(format!("`<{name}>` has no end")))?;
        }
        Ok(self.at())
    }

    fn settings(&mut self, template: &mut Template) -> Result<(), Flaw> {
        let mut from = self.at();
        loop {
            let before = self.at();
            let Some(child) = self.child("phone-settings")? else {
                template.tail = self.text[from..self.end_tag_begins(before)].to_owned();
                return Ok(());
            };
            let inside = self.at();
            let end = self.skip(&child.element, child.empty, &child.name)?;
            let written = &self.text[inside..end];
            let content = written.rfind("</").map_or("", |end| &written[..end]);
            let value =
                if content.contains('<') { "".into() } else { unescape(content.trim()).unwrap_or_default() };
            template.settings.push(Setting {
                index: self.index(&child)?,
                value: value.into_owned(),
                span: child.span.start..end,
                bytes: self.text[from..end].to_owned(),
                name: child.name,
            });
            from = end;
        }
    }

    /// Where the end tag begins that was just read, somewhere behind `before`.
    fn end_tag_begins(&self, before: usize) -> usize {
        let end = self.at();
        self.text[before..end].rfind("</").map_or(end, |offset| before + offset)
    }

    fn index(&self, child: &Child) -> Result<Option<String>, Flaw> {
        for attribute in child.element.attributes() {
            let attribute = attribute.map_err(|error| Flaw {
                what: format!("an attribute of `<{}>` cannot be read: {error}", child.name),
                span: child.span.clone(),
            })?;
            if attribute.key.as_ref() == "idx" {
                return Ok(Some(attribute.value.into_owned()));
            }
        }
        Ok(None)
    }

    fn nothing_more(&mut self) -> Result<(), Flaw> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.trim().is_empty() => {}
                _ => return Err(Flaw { what: "something stands behind `</settings>`".to_owned(), span }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<!-- ours -->\n<settings>\n <phone-settings e=\"2\">\n  \
        <language perm=\"\">Deutsch</language>\n  <!-- line -->\n  <user_name idx=\"1\" perm=\"R\">a&amp;b</user_name>\n  \
        <user_name idx=\"2\"/>\n </phone-settings>\n <functionKeys><fkey idx=\"0\">dest &lt;sip:1@h&gt;</fkey></functionKeys>\n\
        </settings>\n";

    #[test]
    fn a_settings_file_is_taken_apart_without_losing_a_byte() {
        let template = Template::read(WHOLE).unwrap();
        let read: Vec<_> = template
            .settings
            .iter()
            .map(|s| (s.name.as_str(), s.index.as_deref(), s.value.as_str()))
            .collect();
        assert_eq!(
            read,
            [("language", None, "Deutsch"), ("user_name", Some("1"), "a&b"), ("user_name", Some("2"), "")]
        );
        assert_eq!(template.attributes, " e=\"2\"");
        let joined: String = template.settings.iter().map(|setting| setting.bytes.as_str()).collect();
        assert!(WHOLE.contains(&(joined + &template.tail + "</phone-settings>")));
        assert_eq!(
            template.sections,
            ["\n <functionKeys><fkey idx=\"0\">dest &lt;sip:1@h&gt;</fkey></functionKeys>"]
        );
        assert_eq!(template.value("language"), Some("Deutsch"));
    }

    #[test]
    fn what_is_no_settings_file_is_refused_with_its_place() {
        for (text, wanted) in [
            ("", "begins with `<settings>`"),
            ("language!: English", "text stands before"),
            ("<html></html>", "begins with `<settings>`"),
            ("<settings>", "`<settings>` has no end"),
            ("<settings>hello</settings>", "text stands between"),
            ("<settings><phone-settings>x</phone-settings></settings>", "text stands between"),
            ("<settings><phone-settings><a>1</b></phone-settings></settings>", "has no end"),
            ("<settings><phone-settings><a>1</phone-settings></settings>", "has no end"),
            ("<settings></settings><settings/>", "behind `</settings>`"),
            ("<settings><phone-settings/><phone-settings/></settings>", "two `<phone-settings>`"),
            ("<settings><phone-settings><a idx=1>x</a></phone-settings></settings>", "an attribute of `<a>`"),
        ] {
            let flaw = Template::read(text).unwrap_err();
            assert!(flaw.what.contains(wanted), "{text}: {flaw}");
            assert!(flaw.span.end <= text.len(), "{text}: {flaw:?}");
        }
        let flaw =
            Template::read("<settings>\n<phone-settings>\noops\n</phone-settings></settings>").unwrap_err();
        assert_eq!(flaw.span.start, 27);
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_it_down(text in "\\PC{0,80}", inside in "[<>a&/=\" ]{0,20}") {
            let _ = Template::read(&text);
            let _ = Template::read(&format!("<settings><phone-settings>{inside}</phone-settings></settings>"));
            let _ = Template::read(&format!("<settings>{inside}</settings>"));
        }
    }
}
