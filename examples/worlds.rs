//! Plays worlds against the controller until a time is over, or one of them breaks a rule.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tke_direct_access_core::mutant::Mutant;
use tke_direct_access_worlds::{
    Comparison, Perturbation, Story, broken, differs, find, generate, perturb, play, shrink, tell,
};

/// Plays worlds against the controller.
#[derive(Parser)]
struct Arguments {
    /// For so many minutes.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// The first seed; the next story has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays this story instead.
    #[arg(long)]
    story: Option<PathBuf>,
    /// One point of the story goes another way, such as `17:crash-before`.
    #[arg(long, requires = "story", value_name = "NUMBER:WAY")]
    perturb: Option<Perturbation>,
    /// Plays each of these stories once for each point and each way in which it can go: files, or folders of them.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    perturbations: Vec<PathBuf>,
    /// The most perturbations of one story.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    most: usize,
    /// Puts faults in, one after another, and says how many steps it takes to find each.
    #[arg(long)]
    mutants: bool,
    /// Goes on after a story that breaks a rule, and leaves what is short of it in this folder.
    #[arg(long)]
    keep: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.story {
        return story(file, arguments.perturb);
    }
    if !arguments.perturbations.is_empty() {
        return perturbations(&arguments);
    }
    if arguments.mutants {
        return mutants(arguments.seed);
    }
    generated(&arguments)
}

fn read(file: &Path) -> anyhow::Result<Story> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.parse().with_context(|| file.display().to_string())
}

/// Tells a story.
fn story(file: &Path, perturbation: Option<Perturbation>) -> anyhow::Result<()> {
    let story = read(file)?;
    let mut outcome = tell(&story, perturbation);
    println!("{}", outcome.telling.join("\n"));
    println!("{} steps, {} points\n{}", outcome.steps, outcome.points.len(), outcome.end);
    if perturbation.is_some()
        && let Ok(found) = broken(&play(&story), &outcome)
    {
        outcome.violations = found.into_iter().collect();
    }
    for violation in &outcome.violations {
        println!("{violation}");
    }
    Ok(())
}

/// Plays stories with all their perturbations.
fn perturbations(arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut files = Vec::new();
    for path in &arguments.perturbations {
        if path.is_dir() {
            let entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
            files.extend(entries.into_iter().map(|entry| entry.path()));
        } else {
            files.push(path.clone());
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "story"));
    files.sort();
    let (mut plays, mut steps, mut failures) = (0, 0, 0);
    for file in &files {
        let perturbed = perturb(&read(file)?, arguments.most, arguments.seed);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let (points, incomparable) = (perturbed.points, perturbed.incomparable);
        println!(
            "{name}: {points} points, {} plays, {incomparable} with another end by other acts, {} failures",
            perturbed.plays,
            perturbed.failures.len()
        );
        for (perturbation, violation) in &perturbed.failures {
            println!("  --perturb {perturbation}: {violation}");
        }
        plays += perturbed.plays;
        steps += perturbed.steps;
        failures += perturbed.failures.len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = steps as f64 / seconds;
    println!("{} stories, {plays} plays, {steps} steps, {rate:.0} steps a second, {failures} failures", files.len());
    anyhow::ensure!(failures == 0, "{failures} perturbations break a rule");
    Ok(())
}

/// Whether the end of a story that chance has made up is compared with that without its misfortunes, which takes a second play: one in so
/// many is.
const COMPARED: u64 = 4;

/// Plays stories that chance makes up.
fn generated(arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (mut steps, mut stories, mut failures) = (0, 0, 0);
    let (mut same, mut other) = (0, 0);
    let mut seed = arguments.seed;
    while begun.elapsed() < Duration::from_secs_f64(arguments.minutes * 60.0) {
        let story = generate(seed);
        let outcome = play(&story);
        steps += outcome.steps;
        stories += 1;
        if let Some(violation) = outcome.violations.first() {
            failures += 1;
            let shortest = shrink(&story);
            let found = play(&shortest).violations.first().map_or_else(|| violation.to_string(), ToString::to_string);
            println!("seed {seed}: {found}");
            let Some(folder) = &arguments.keep else {
                println!("{shortest}");
                anyhow::bail!("a rule is broken");
            };
            let telling = tell(&shortest, None).telling.join("\n");
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(format!("{seed}.story")), shortest.to_string())?;
            std::fs::write(folder.join(format!("{seed}.txt")), format!("{found}\n{shortest}\n{telling}\n"))?;
        }
        if seed.is_multiple_of(COMPARED) && outcome.violations.is_empty() {
            match differs(&story, &outcome) {
                Comparison::Same => same += 1,
                Comparison::NotPromised(_) => other += 1,
                Comparison::Differs(violation) => {
                    failures += 1;
                    println!("seed {seed}: {violation}\n{story}");
                    anyhow::ensure!(arguments.keep.is_some(), "a rule is broken");
                }
            }
        }
        seed += 1;
    }
    println!("{same} stories end as without their misfortunes, and {other} need not");
    let seconds = begun.elapsed().as_secs_f64();
    println!("{stories} stories, {steps} steps, {:.0} steps a second, {failures} failures", steps as f64 / seconds);
    Ok(())
}

/// The most steps in which a fault is to be found.
const STEPS: u64 = 3_000_000;

fn mutants(seed: u64) -> anyhow::Result<()> {
    let mut missed = 0;
    for mutant in Mutant::ALL {
        let found = find(mutant, seed, STEPS);
        match &found.by {
            Some((seed, violation)) => println!("{mutant:?}: {} steps: {} (seed {seed})", found.steps, violation.rule),
            None => {
                missed += 1;
                println!("{mutant:?}: not found in {} steps", found.steps);
            }
        }
    }
    anyhow::ensure!(missed == 0, "{missed} faults are not found");
    Ok(())
}
