//! What may stand at a place of the command line, by what clap knows of it.

use clap::{Arg, Command};

use crate::cli::options::is_binding_kind;
use crate::cli::workload;

/// Objects whose names may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objects {
    Bindings,
    Pods,
    Services,
    Namespaces,
    /// Contexts of the kubeconfig.
    Contexts,
    /// Of this kind of `apps`.
    Workloads(&'static str),
}

/// What may stand at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One of these words, each with what it means.
    Words(Vec<(String, String)>),
    /// The name of an object that begins with `last`, behind this.
    Objects {
        /// Which ones.
        objects: Objects,
        /// What stands before the name, such as `pod/`.
        prefix: String,
        /// What there is of the name.
        last: String,
    },
    /// The name of a file.
    File,
}

/// What may stand in the place of the last word.
pub(super) fn wanted(command: &Command, words: &[String]) -> Wanted {
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let place = Place::after(command, before);
    if let Some(option) = place.waits_for {
        return value(option, "", last);
    }
    if let Some((name, rest)) = last.strip_prefix("--").and_then(|long| long.split_once('=')) {
        let option = arguments(place.command).find(|arg| arg.get_long() == Some(name));
        return option.map_or(Wanted::Words(Vec::new()), |option| value(option, &format!("--{name}="), rest));
    }
    if last.starts_with('-') {
        let options = arguments(place.command).filter(|arg| !arg.is_hide_set());
        let all = options.filter_map(|arg| Some((format!("--{}", arg.get_long()?), about(arg.get_help()))));
        return Wanted::Words(all.filter(|(word, _)| word.starts_with(last)).collect());
    }
    if place.command.has_subcommands() {
        let all = place.command.get_subcommands().filter(|one| !one.is_hide_set());
        let all = all.map(|one| (one.get_name().to_owned(), about(one.get_about())));
        return Wanted::Words(all.filter(|(word, _)| word.starts_with(last)).collect());
    }
    operand(place.command.get_name(), place.operands.as_slice(), last)
}

/// The first sentence.
fn about(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.split(". ").next().unwrap_or_default().lines().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional())
}

/// Where the words before the last one have led.
struct Place<'a> {
    command: &'a Command,
    /// An option whose value comes next.
    waits_for: Option<&'a Arg>,
    /// What stands there besides options.
    operands: Vec<&'a str>,
}

impl<'a> Place<'a> {
    fn after(command: &'a Command, words: &'a [String]) -> Self {
        let mut place = Self { command, waits_for: None, operands: Vec::new() };
        for word in words {
            if place.waits_for.take().is_some() {
                continue;
            }
            match option(place.command, word) {
                Some(option) if !word.contains('=') && takes_value(option) => place.waits_for = Some(option),
                Some(_) => {}
                None if word.starts_with('-') => {}
                None => match place.command.find_subcommand(word) {
                    Some(found) => place.command = found,
                    None => place.operands.push(word),
                },
            }
        }
        place
    }
}

fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let mut all = arguments(command);
    match word.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next()?;
            all.find(|arg| arg.get_long() == Some(name))
        }
        None => {
            let short = word.strip_prefix('-')?.chars().next()?;
            all.find(|arg| arg.get_short() == Some(short))
        }
    }
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

fn value(option: &Arg, prefix: &str, last: &str) -> Wanted {
    let objects = match option.get_long() {
        Some("namespace" | "controller-namespace") => Objects::Namespaces,
        Some("context") => Objects::Contexts,
        Some("filename" | "kubeconfig") => return Wanted::File,
        _ => {
            let values = option.get_possible_values().into_iter().filter(|value| value.get_name().starts_with(last));
            let all = values.map(|value| (format!("{prefix}{}", value.get_name()), about(value.get_help())));
            return Wanted::Words(all.collect());
        }
    };
    Wanted::Objects { objects, prefix: prefix.to_owned(), last: last.to_owned() }
}

/// Kinds that `explain` and `drain` take, as they are written before a name.
const EXPLAINED: [&str; 7] = ["pod", "deployment", "statefulset", "daemonset", "replicaset", "svc", "dab"];

fn operand(command: &str, before: &[&str], last: &str) -> Wanted {
    let objects = |objects, prefix: &str, last: &str| Wanted::Objects {
        objects,
        prefix: prefix.to_owned(),
        last: last.to_owned(),
    };
    match command {
        "get" | "plan" | "adopt" | "suspend" | "resume" | "reconcile" | "watch" => match last.split_once('/') {
            Some((kind, name)) => objects(Objects::Bindings, &format!("{kind}/"), name),
            None => objects(Objects::Bindings, "", last),
        },
        "explain" | "drain" => {
            if let Some((kind, name)) = last.split_once('/') {
                return of_kind(kind)
                    .map_or(Wanted::Words(Vec::new()), |found| objects(found, &format!("{kind}/"), name));
            }
            if let Some(found) = before.first().and_then(|kind| of_kind(kind)) {
                return objects(found, "", last);
            }
            let takes = |kind: &&&str| command == "explain" || !["svc", "dab"].contains(*kind);
            let kinds = EXPLAINED.iter().filter(takes).filter(|kind| kind.starts_with(last));
            Wanted::Words(kinds.map(|kind| (format!("{kind}/"), String::new())).collect())
        }
        _ => Wanted::Words(Vec::new()),
    }
}

fn of_kind(kind: &str) -> Option<Objects> {
    if is_binding_kind(kind) {
        return Some(Objects::Bindings);
    }
    if ["svc", "service", "services"].contains(&kind) {
        return Some(Objects::Services);
    }
    Some(workload::kind(kind)?.map_or(Objects::Pods, |workload| Objects::Workloads(workload.kind)))
}

/// The words that say where to look, behind the name of a program: flags of `command`, with their values.
pub(super) fn place(command: &Command, words: &[String]) -> Vec<String> {
    let mut found = vec![command.get_name().to_owned()];
    let before = words.split_last().map_or(&[][..], |(_, before)| before);
    let mut words = before.iter();
    while let Some(word) = words.next() {
        let Some(option) = option(command, word) else { continue };
        if takes_value(option) && !word.contains('=') {
            // The value may be what is completed.
            found.extend(words.next().into_iter().flat_map(|value| [word.clone(), value.clone()]));
        } else {
            found.push(word.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::options::Arguments;

    fn at(words: &[&str]) -> Wanted {
        let mut command = Arguments::command();
        command.build();
        wanted(&command, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_place_has_its_candidates() {
        let objects = |objects, prefix: &str, last: &str| Wanted::Objects {
            objects,
            prefix: prefix.to_owned(),
            last: last.to_owned(),
        };
        for (words, expected) in [
            (&["get", ""][..], objects(Objects::Bindings, "", "")),
            (&["get", "dab/w"], objects(Objects::Bindings, "dab/", "w")),
            (&["-n", "shop", "watch", "w"], objects(Objects::Bindings, "", "w")),
            (&["get", "-n", ""], objects(Objects::Namespaces, "", "")),
            (&["get", "--namespace=sh"], objects(Objects::Namespaces, "--namespace=", "sh")),
            (&["--context", "d"], objects(Objects::Contexts, "", "d")),
            (&["explain", "deployment/w"], objects(Objects::Workloads("Deployment"), "deployment/", "w")),
            (&["explain", "svc", "w"], objects(Objects::Services, "", "w")),
            (&["explain", "dab/"], objects(Objects::Bindings, "dab/", "")),
            (&["drain", "--now", "pod/w"], objects(Objects::Pods, "pod/", "w")),
            (&["plan", "-f", ""], Wanted::File),
        ] {
            assert_eq!(at(words), expected, "{words:?}");
        }
        for (words, expected, missing) in [
            (&[""][..], &["get", "plan", "explain", "doctor", "completion"][..], &["__complete"][..]),
            (&["re"], &["resume", "reconcile"], &["get"]),
            (&["get", "--"], &["--problems", "--output", "--namespace"], &["--uninstall"]),
            (&["get", "-o", ""], &["json", "yaml"], &[]),
            (&["get", "--output=j"], &["--output=json"], &["--output=yaml"]),
            (&["explain", "d"], &["deployment/", "daemonset/", "dab/"], &["pod/"]),
            (&["drain", ""], &["pod/", "deployment/"], &["svc/", "dab/"]),
        ] {
            let Wanted::Words(found) = at(words) else { panic!("{words:?}") };
            let found: Vec<_> = found.into_iter().map(|(word, _)| word).collect();
            let has = |word: &&str| found.iter().any(|found| found == word);
            assert!(expected.iter().all(&has) && !missing.iter().any(&has), "{words:?}: {found:?}");
        }
    }

    #[test]
    fn where_to_look_is_taken_from_the_words_before() {
        let mut command = Arguments::command();
        command.build();
        let words = ["get", "-n", "shop", "--problems", "--context=dev", "web", ""].map(str::to_owned);
        let found = place(&super::super::Place::command(), &words);
        assert_eq!(found[1..], ["-n", "shop", "--context=dev"].map(str::to_owned));
        let unfinished = ["get", "--context", "dev", "-n", "sh"].map(str::to_owned);
        let found = place(&super::super::Place::command(), &unfinished);
        assert_eq!(found[1..], ["--context", "dev"].map(str::to_owned));
    }
}
