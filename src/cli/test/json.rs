//! The tests for programs, as one object.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::{Told, why};
use crate::cli::report::Screen;
use crate::config::Problem;
use crate::ports::WhyView;

#[derive(Serialize)]
struct Json<'a> {
    passed: bool,
    tests: Vec<TestJson<'a>>,
    cover: Option<CoverJson<'a>>,
}

#[derive(Serialize)]
struct TestJson<'a> {
    name: &'a str,
    file: &'a Path,
    line: usize,
    passed: bool,
    steps: Vec<StepJson>,
}

#[derive(Serialize)]
struct StepJson {
    line: usize,
    answer: &'static str,
    misses: Vec<String>,
    #[serde(flatten)]
    why: WhyView,
}

#[derive(Serialize)]
struct CoverJson<'a> {
    rules: usize,
    percent: usize,
    open: Vec<RuleJson<'a>>,
}

#[derive(Serialize)]
struct RuleJson<'a> {
    file: &'a Path,
    line: usize,
    rule: &'a str,
    lacks: &'a str,
}

pub fn write(told: &Told, screen: &mut Screen) -> io::Result<()> {
    let tests = told.tests.iter().map(|test| TestJson {
        name: &test.written.case.name,
        file: &test.written.file,
        line: test.written.place.line,
        passed: test.report.passes(),
        steps: test
            .report
            .steps
            .iter()
            .enumerate()
            .map(|(number, step)| StepJson {
                line: test.written.steps.get(number).unwrap_or(&test.written.place).line,
                answer: step.answer().name(),
                misses: step.misses.iter().map(ToString::to_string).collect(),
                why: why(&test.written, number, step),
            })
            .collect(),
    });
    let cover = told.cover.as_ref().map(|cover| CoverJson {
        rules: cover.rules,
        percent: cover.percent(),
        open: cover
            .open
            .iter()
            .map(|rule| RuleJson {
                file: &rule.file,
                line: rule.place.line,
                rule: &rule.what,
                lacks: rule.lacks,
            })
            .collect(),
    });
    screen.json(&Json { passed: told.passes(), tests: tests.collect(), cover })
}

/// What must be mended before anything can be played.
pub fn problems(problems: &[Problem], screen: &mut Screen) -> io::Result<()> {
    #[derive(Serialize)]
    struct Broken<'a> {
        passed: bool,
        problems: &'a [Problem],
    }
    screen.json(&Broken { passed: false, problems })
}
