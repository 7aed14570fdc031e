//! Plays worlds against the controller until a time is over, or one of them breaks a rule.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{ArgGroup, Parser};
use tke_direct_access_core::mutant::{Mutant, put_in};
use tke_direct_access_worlds::{
    Found, GoOn, Perturbation, SEEDS, Story, Tally, Verdict, Violation, broken, compare, find, generate, judge, page,
    perturb, play, play_many, shrink, tell,
};

/// Plays worlds against the controller. Each story follows from a seed; seeds go up from --seed, which is 1 unless it is given.
// What is required is not asked for beside what excludes it, so that a flag of one of these says what else it excludes, too.
#[derive(Parser)]
#[command(group = ArgGroup::new("instead").args(["story", "tell", "perturbations", "mutants"]))]
#[command(group = ArgGroup::new("faults").args(["mutants", "story"]).multiple(true))]
#[command(group = ArgGroup::new("one").args(["story", "tell"]).multiple(true))]
struct Arguments {
    /// For so many minutes.
    #[arg(long, default_value = "1", value_parser = minutes, allow_negative_numbers = true, conflicts_with = "instead")]
    minutes: Duration,
    /// The first seed; the next story has the next one. Of the perturbations of a long story, it decides which are played.
    #[arg(long, default_value = "1", value_parser = seed, allow_negative_numbers = true, conflicts_with = "one")]
    seed: u64,
    /// Plays this story instead, and says what happens.
    #[arg(long)]
    story: Option<PathBuf>,
    /// Prints the story of this seed instead, as a file for `--story`.
    #[arg(long, value_name = "SEED", value_parser = seed, allow_negative_numbers = true)]
    tell: Option<u64>,
    /// One point of the story goes another way, such as `17:crash-before`.
    #[arg(long, requires = "story", conflicts_with_all = ["tell", "perturbations", "mutants"], value_name = "NUMBER:WAY")]
    perturb: Option<Perturbation>,
    /// Plays each of these stories once for each point and each way in which it can go: files, or folders of them.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    perturbations: Vec<PathBuf>,
    /// The most perturbations of one story.
    #[arg(long, requires = "perturbations", conflicts_with_all = ["one", "mutants"])]
    most: Option<usize>,
    /// Puts faults in, one after another, and says how many steps it takes to find each.
    #[arg(long)]
    mutants: bool,
    /// Looks for this fault only. May be given several times. With `--story`, it is put in, and there is one.
    #[arg(long, requires = "faults", conflicts_with_all = ["tell", "perturbations"])]
    mutant: Vec<Mutant>,
    /// Writes the page that lists the faults into this file. What it says of faults that are not looked for stays, and of those that
    /// were found after more steps than are played.
    #[arg(long, requires = "mutants", conflicts_with_all = ["one", "perturbations"])]
    write: Option<PathBuf>,
    /// The most steps in which each fault is to be found.
    #[arg(long, requires = "mutants", conflicts_with_all = ["one", "perturbations"], default_value_t = 3_000_000)]
    steps: u64,
    /// Goes on after a story that breaks a rule, and leaves what is short of it in this folder.
    #[arg(long, conflicts_with = "instead")]
    keep: Option<PathBuf>,
    /// Plays so many stories at once. Default: as many as there are cores.
    #[arg(long, conflicts_with_all = ["one", "perturbations"])]
    threads: Option<NonZero<usize>>,
}

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(10);
/// After so many steps, what was not reached is not to be reached.
const ENOUGH: u64 = 2_000_000;

fn main() -> anyhow::Result<()> {
    run(&Arguments::parse())
}

/// Prints a line. Who reads no further, as `head` does, has got what they want: that is a good end.
fn say(line: impl Display) {
    // The harness of the tests keeps back what this one prints.
    if cfg!(test) {
        return println!("{line}");
    }
    if writeln!(io::stdout().lock(), "{line}").is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(0);
    }
}

/// Reads minutes.
fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: Option<f64> = text.parse().ok().filter(|minutes| *minutes >= 0.0);
    let minutes = minutes.ok_or("say a number from 0 on, such as 0.5")?;
    Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())
}

/// Reads a seed.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("say {SEEDS}, up to {}", u64::MAX))
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(file) = &arguments.story {
        anyhow::ensure!(arguments.mutant.len() <= 1, "a story is played with one --mutant at most");
        put_in(arguments.mutant.first().copied());
        let told = tell_story(file, arguments.perturb);
        put_in(None);
        return told;
    }
    if let Some(seed) = arguments.tell {
        say(generate(seed).to_string().trim_end());
        return Ok(());
    }
    if !arguments.perturbations.is_empty() {
        return perturbations(arguments);
    }
    let threads = arguments.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
    if arguments.mutants { mutants(arguments, threads) } else { worlds(arguments, threads) }
}

fn read(file: &Path) -> anyhow::Result<Story> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.parse().with_context(|| file.display().to_string())
}

/// Tells a story.
///
/// # Errors
/// When it breaks a rule, or has no such point.
fn tell_story(file: &Path, perturbation: Option<Perturbation>) -> anyhow::Result<()> {
    let story = read(file)?;
    let undisturbed = perturbation.map(|_| play(&story));
    if let (Some(perturbation), Some(undisturbed)) = (perturbation, &undisturbed) {
        perturbation.fits(&undisturbed.points).map_err(anyhow::Error::msg)?;
    }
    let outcome = tell(&story, perturbation);
    say(outcome.telling.join("\n"));
    say(format_args!("{} steps, {} points\n{}", outcome.steps, outcome.points.len(), outcome.end));
    let verdict = undisturbed.map_or_else(|| judge(&story, &outcome), |undisturbed| compare(&undisturbed, &outcome));
    match verdict {
        Verdict::Holds => {
            say("no rule is broken, and it ends as without its misfortunes");
            Ok(())
        }
        Verdict::NotPromised(why) => {
            say(format_args!("no rule is broken; the end is compared with no other one: {why}"));
            Ok(())
        }
        Verdict::Breaks(violation) => {
            say(violation);
            anyhow::bail!("a rule is broken")
        }
    }
}

/// The stories of these paths: files, or folders of them.
fn stories(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .collect::<Result<Vec<_>, _>>()?;
        let is_story = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "story");
        let found: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_story).collect();
        anyhow::ensure!(!found.is_empty(), "no file in {} ends in .story", path.display());
        files.extend(found);
    }
    files.sort();
    Ok(files)
}

/// Plays stories with all their perturbations.
fn perturbations(arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let files = stories(&arguments.perturbations)?;
    let (mut plays, mut steps, mut failures) = (0, 0, 0);
    for file in &files {
        let perturbed = perturb(&read(file)?, arguments.most.unwrap_or(usize::MAX), arguments.seed);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let (points, incomparable) = (perturbed.points, perturbed.incomparable);
        let failed = perturbed.failures.len() + usize::from(perturbed.undisturbed.is_some());
        say(format_args!(
            "{name}: {points} points, {} plays, {incomparable} with another end by other acts, {failed} failures",
            perturbed.plays,
        ));
        if let Some(violation) = &perturbed.undisturbed {
            say(format_args!("  as it is: {violation}"));
        }
        for (perturbation, violation) in &perturbed.failures {
            say(format_args!("  --perturb {perturbation}: {violation}"));
        }
        plays += perturbed.plays;
        steps += perturbed.steps;
        failures += failed;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = steps as f64 / seconds;
    let stories = files.len();
    say(format_args!("{stories} stories, {plays} plays, {steps} steps, {rate:.0} steps a second, {failures} failures"));
    anyhow::ensure!(failures == 0, "{failures} plays break a rule");
    Ok(())
}

fn worlds(arguments: &Arguments, threads: usize) -> anyhow::Result<()> {
    if let Some(folder) = &arguments.keep {
        make_folder(folder)?;
    }
    let begun = Instant::now();
    let (mut said, mut trouble) = (begun, Ok(()));
    let progress = |tally: &Tally| {
        let (seconds, Tally { stories, steps, failures, .. }) = (begun.elapsed().as_secs_f64(), tally);
        let rate = *steps as f64 / seconds;
        say(format_args!("{stories} stories, {steps} steps, {rate:.0} steps a second, {failures} failures"));
    };
    let after = |story: &Story, verdict: &Verdict, tally: &Tally| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            progress(tally);
        }
        if let Verdict::Breaks(violation) = verdict {
            trouble = failed(story, violation, arguments);
        }
        let is_over = begun.elapsed() >= arguments.minutes;
        if is_over || trouble.is_err() { GoOn::No } else { GoOn::Yes }
    };
    let tally = play_many(arguments.seed, threads, after);
    progress(&tally);
    trouble?;
    say(format_args!("{} stories end as without their misfortunes, and {} need not", tally.same, tally.other));
    say(tally.reached.report().join("\n"));
    say(tally.judged.report().join("\n"));
    let (rest, all) = tally.reads;
    say(format_args!("a load balancer is read {rest} times a minute at rest at most, and {all} times else"));
    let blind = tally.judged.blind();
    for rule in blind.iter().filter(|_| tally.steps >= ENOUGH) {
        say(format_args!("always excused: {rule}"));
    }
    let (unexcused, reached) = tally.reached.surprises();
    for (of, name) in &reached {
        say(format_args!("reached after all, although UNREACHED has it: {of} {name}"));
    }
    for (of, name) in unexcused.iter().filter(|_| tally.steps >= ENOUGH) {
        say(format_args!("not reached, and UNREACHED does not say why: {of} {name}"));
    }
    anyhow::ensure!(tally.failures == 0, "{} stories break a rule", tally.failures);
    anyhow::ensure!(tally.steps < ENOUGH || unexcused.is_empty(), "{} variants are not reached", unexcused.len());
    anyhow::ensure!(tally.steps < ENOUGH || blind.is_empty(), "{} rules are always excused", blind.len());
    Ok(())
}

/// Makes a folder, and sees whether something can be written there, before a search is made whose find would be lost.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let probe = folder.join(".worlds");
    let made = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, ""));
    made.and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| format!("cannot write into the folder {}; name another one", folder.display()))
}

/// What a file says that is to be written after a search; nothing where there is none. It is seen before whether it can be written.
fn before(file: &Path) -> anyhow::Result<String> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// A story breaks a rule: it is made shorter, and kept or printed.
fn failed(story: &Story, violation: &Violation, arguments: &Arguments) -> anyhow::Result<()> {
    let (seed, shortest) = (story.seed, shrink(story));
    let found = broken(&shortest).map_or_else(|| violation.to_string(), |violation| violation.to_string());
    say(format_args!("seed {seed}: {found}"));
    let Some(folder) = &arguments.keep else {
        say(shortest.to_string().trim_end());
        anyhow::bail!("a rule is broken");
    };
    let keep = |end: &str, text: String| {
        let file = folder.join(format!("{seed}.{end}"));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    keep("story", shortest.to_string())?;
    let telling = tell(&shortest, None).telling.join("\n");
    keep("txt", format!("{found}\n{shortest}\n{telling}\n"))
}

/// The faults that are asked for: all, where none is.
fn wanted(arguments: &Arguments) -> impl Iterator<Item = Mutant> {
    Mutant::ALL.iter().copied().filter(|mutant| arguments.mutant.is_empty() || arguments.mutant.contains(mutant))
}

fn mutants(arguments: &Arguments, threads: usize) -> anyhow::Result<()> {
    let all: Vec<Mutant> = wanted(arguments).collect();
    let page_before = arguments.write.as_deref().map(before).transpose()?;
    let begun = Instant::now();
    let found = find(&all, arguments.seed, arguments.steps, threads, |mutant, by, violation| {
        say(format_args!("{:.0} s: {mutant:?} by {by}: {}", begun.elapsed().as_secs_f64(), violation.rule));
    });
    for Found { mutant, steps, by } in &found {
        match by {
            Some((by, violation)) => say(format_args!("{mutant:?}: {steps} steps: {} ({by})", violation.rule)),
            None => say(format_args!("{mutant:?}: not found in {steps} steps")),
        }
    }
    if let (Some(file), Some(before)) = (&arguments.write, page_before) {
        std::fs::write(file, page(&found, &before)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let missed = found.iter().filter(|found| found.by.is_none()).count();
    anyhow::ensure!(missed == 0 && !found.is_empty(), "{missed} of {} faults are not found", found.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/worlds/tests/recorded/a-listener-moves.story");

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"worlds").chain(arguments))
    }

    fn fault(arguments: &[&str]) -> String {
        let parsed = parse(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        run(&parsed).err().unwrap_or_else(|| panic!("{arguments:?} ends well")).to_string()
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for arguments in [
            &["--mutants", "--mutant", "nofloor"][..],
            &["--mutant", "NoFloor"],
            &["--story", STORY, "--mutant", "nothing"],
            &["--story", STORY, "--perturb", "0:late"],
            &["--minutes=-1"],
            &["--minutes", "-1"],
            &["--minutes", "nan"],
            &["--minutes", "1e300"],
            &["--seed", "-1"],
            &["--seed", "abc"],
            &["--tell", "-1"],
            &["--threads", "0"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
        let error = parse(&["--mutants", "--mutant", "nofloor"]).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("NoFloor")), "it names those that exist");
        assert_eq!(parse(&["--minutes", "0.5"]).ok().map(|parsed| parsed.minutes), Some(Duration::from_secs(30)));
        assert!(parse(&["--mutants", "--mutant", "NoFloor", "--mutant", "LastGoes"]).is_ok());
        for (arguments, words) in [
            (["--minutes", "-1"], "say a number from 0 on"),
            (["--seed", "-1"], "say a whole number from 0 on"),
            (["--seed", "abc"], "say a whole number from 0 on"),
            (["--tell", "-1"], "say a whole number from 0 on"),
        ] {
            let error = parse(&arguments).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(words)), "{arguments:?}: {error:?}");
        }
    }

    #[test]
    fn a_flag_that_would_say_nothing_is_refused() {
        let alone: [&[&str]; 4] = [&["--story", STORY], &["--tell", "7"], &["--perturbations", STORY], &["--mutants"]];
        for (place, first) in alone.iter().enumerate() {
            assert!(parse(first).is_ok(), "{first:?}");
            for second in &alone[place + 1..] {
                assert!(parse(&[*first, *second].concat()).is_err(), "{first:?} {second:?}");
            }
            for flag in [&["--keep", "folder"][..], &["--minutes", "2"]] {
                assert!(parse(&[*first, flag].concat()).is_err(), "{first:?} {flag:?}");
            }
        }
        let [story, told, perturbed, mutants] = alone;
        for (mode, flags) in [
            (story, &["--seed", "--threads", "--most", "--write", "--steps"][..]),
            (told, &["--seed", "--threads", "--most", "--write", "--steps", "--perturb", "--mutant"]),
            (perturbed, &["--threads", "--write", "--steps", "--perturb", "--mutant"]),
            (mutants, &["--most", "--perturb"]),
            (&[], &["--most", "--write", "--steps", "--perturb", "--mutant"]),
        ] {
            for flag in flags {
                let value = match *flag {
                    "--perturb" => "1:late",
                    "--mutant" => "NoFloor",
                    _ => "5",
                };
                assert!(parse(&[mode, &[*flag, value]].concat()).is_err(), "{mode:?} {flag}");
            }
        }
        let two = ["--story", STORY, "--mutant", "NoFloor", "--mutant", "LastGoes"];
        assert_eq!(fault(&two), "a story is played with one --mutant at most");
    }

    #[test]
    fn places_to_write_are_looked_at_before_a_search() {
        let kept = fault(&["--keep", STORY]);
        assert!(kept.starts_with("cannot write into the folder ") && kept.contains(STORY), "{kept}");
        let written = fault(&["--mutants", "--steps", "0", "--write", "no/such/x.md"]);
        assert_eq!(written, "cannot write no/such/x.md");
    }

    #[test]
    fn what_is_not_there_is_not_played() {
        let beyond = fault(&["--story", STORY, "--perturb", "99999:late"]);
        assert!(beyond.starts_with("there is no point 99999: the story has "), "{beyond}");
        let other = fault(&["--story", STORY, "--perturb", "1:task-fails"]);
        assert!(other.starts_with("point 1 is '") && other.contains("it can go: "), "{other}");
        fault(&["--perturbations", "no/such/folder"]);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
        assert!(fault(&["--perturbations", folder]).contains("ends in .story"));
    }

    #[test]
    fn a_story_that_breaks_a_rule_ends_as_a_failure() {
        assert!(parse(&["--story", STORY]).is_ok_and(|parsed| run(&parsed).is_ok()), "it breaks none by itself");
        assert_eq!(fault(&["--story", STORY, "--mutant", "DrainsForEver"]), "a rule is broken");
        let perturbed = ["--story", STORY, "--perturb", "6:answer-lost"];
        assert!(parse(&perturbed).is_ok_and(|parsed| run(&parsed).is_ok()), "nor then");
        assert_eq!(fault(&[&perturbed[..], &["--mutant", "LostAnswerWaits"]].concat()), "a rule is broken");
    }
}
