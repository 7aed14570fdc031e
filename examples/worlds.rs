//! Plays worlds against the controller until a time is over, or one of them breaks a rule.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tke_direct_access_core::mutant::Mutant;
use tke_direct_access_worlds::{Story, find, generate, play, shrink, tell};

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
    story: Option<std::path::PathBuf>,
    /// Puts faults in, one after another, and says how many steps it takes to find each.
    #[arg(long)]
    mutants: bool,
    /// Goes on after a story that breaks a rule, and leaves what is short of it in this folder.
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.story {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let story: Story = text.parse()?;
        let outcome = tell(&story);
        println!("{}", outcome.telling.join("\n"));
        println!("{} steps\n{}", outcome.steps, outcome.end);
        for violation in &outcome.violations {
            println!("{violation}");
        }
        return Ok(());
    }
    if arguments.mutants {
        return mutants(arguments.seed);
    }
    let begun = Instant::now();
    let (mut steps, mut stories, mut failures) = (0, 0, 0);
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
            let telling = tell(&shortest).telling.join("\n");
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(format!("{seed}.story")), shortest.to_string())?;
            std::fs::write(folder.join(format!("{seed}.txt")), format!("{found}\n{shortest}\n{telling}\n"))?;
        }
        seed += 1;
    }
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
