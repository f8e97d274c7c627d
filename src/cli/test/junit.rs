//! The tests as the XML that JUnit made common: a suite for each file.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Test, Told, misses, why};
use crate::cli::report::{Screen, clean};
use crate::cli::why::page;

pub fn write(told: &Told, screen: &mut Screen) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let (all, failed) = (told.tests.len().to_string(), told.failed().to_string());
    let suites = xml.create_element("testsuites").with_attributes([
        ("name", "sipherd test"),
        ("tests", all.as_str()),
        ("failures", failed.as_str()),
        ("errors", "0"),
    ]);
    if told.tests.is_empty() {
        suites.write_empty()?;
    } else {
        suites.write_inner_content(|xml| {
            told.tests
                .chunk_by(|a, b| a.written.file == b.written.file)
                .try_for_each(|tests| suite(tests, xml))
        })?;
    }
    screen.line(&String::from_utf8_lossy(&xml.into_inner()))
}

fn suite(tests: &[Test], xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let Some(first) = tests.first() else { return Ok(()) };
    let file = clean(&first.written.file.display().to_string());
    let failed = tests.iter().filter(|test| !test.report.passes()).count().to_string();
    let all = tests.len().to_string();
    let attributes = [
        ("name", file.as_str()),
        ("tests", all.as_str()),
        ("failures", failed.as_str()),
        ("errors", "0"),
        ("skipped", "0"),
    ];
    xml.create_element("testsuite")
        .with_attributes(attributes)
        .write_inner_content(|xml| tests.iter().try_for_each(|test| case(test, &file, xml)))?;
    Ok(())
}

fn case(test: &Test, file: &str, xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let (name, line) = (clean(&test.written.case.name), test.written.place.line.to_string());
    let element = xml.create_element("testcase").with_attributes([
        ("name", name.as_str()),
        ("classname", file),
        ("file", file),
        ("line", line.as_str()),
    ]);
    let mut missed = test.missed().peekable();
    if missed.peek().is_none() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|xml| {
        missed.try_for_each(|(number, step)| {
            let place = test.written.steps.get(number).unwrap_or(&test.written.place);
            let (message, mut text) = (clean(&misses(step)), format!("{file}:{}\n", place.line));
            for line in page(&why(&test.written, number, step), true) {
                let line: String = line.into_iter().map(|(text, _)| text).collect();
                text += &format!("{}\n", clean(line.trim_end()));
            }
            let attributes = [("message", message.as_str()), ("type", "expectation")];
            xml.create_element("failure")
                .with_attributes(attributes)
                .write_text_content(BytesText::new(&text))?;
            Ok(())
        })
    })?;
    Ok(())
}
