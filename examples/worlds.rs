//! Plays worlds against the controller until a time is over, or one of them breaks a rule.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tke_direct_access_worlds::{Story, generate, play, shrink, tell};

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
    /// Goes on after a story that breaks a rule, and counts.
    #[arg(long)]
    keep_going: bool,
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
            println!("seed {seed}: {violation}");
            if !arguments.keep_going {
                let shortest = shrink(&story);
                println!("{shortest}");
                println!(
                    "{}",
                    play(&shortest).violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
                );
                anyhow::bail!("a rule is broken");
            }
        }
        seed += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{stories} stories, {steps} steps, {:.0} steps a second, {failures} failures", steps as f64 / seconds);
    Ok(())
}
