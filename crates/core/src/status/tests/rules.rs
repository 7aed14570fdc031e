//! The rules of the tools that read statuses, as far as they can say something of our kinds. `tests/gitops` shows that the tools
//! themselves say the same.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// What the tools look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) generation: i64,
    /// `status.observedGeneration`.
    pub(crate) observed: i64,
    pub(crate) is_deleting: bool,
    pub(crate) conditions: &'a [Condition],
}

impl Seen<'_> {
    fn find(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == kind)
    }

    fn is(&self, kind: &str, status: &str) -> bool {
        self.find(kind).is_some_and(|found| found.status == status)
    }

    /// Whether `kubectl wait --for=condition=Ready` returns.
    pub(crate) fn ends_wait(&self) -> bool {
        let ready = self.conditions.iter().find(|condition| condition.type_.eq_ignore_ascii_case("Ready"));
        ready.is_some_and(|ready| {
            ready.observed_generation.unwrap_or(self.observed) >= self.generation
                && ready.status.eq_ignore_ascii_case("True")
        })
    }

    /// The status that kstatus computes.
    pub(crate) fn kstatus(&self) -> &'static str {
        if self.is_deleting {
            return "Terminating";
        }
        if self.observed != self.generation {
            return "InProgress";
        }
        let decided = self.conditions.iter().find_map(|one| match (one.type_.as_str(), one.status.as_str()) {
            ("Reconciling", "True") => Some("InProgress"),
            ("Stalled", "True") => Some("Failed"),
            _ => None,
        });
        decided.unwrap_or(match self.find("Ready").map(|ready| ready.status.as_str()) {
            Some("False" | "Unknown") => "InProgress",
            _ => "Current",
        })
    }

    /// The numbers of the rules of Flux' condition checks that are broken.
    pub(crate) fn broken(&self) -> Vec<&'static str> {
        let mut rules = vec![
            ("FAIL0002", self.find("Ready").is_none()),
            ("FAIL0004", self.is("Stalled", "True") && self.find("Ready").is_some() && !self.is("Ready", "False")),
            ("FAIL0005", self.find("Reconciling").is_some() && self.find("Stalled").is_some()),
            ("FAIL0006", self.observed > self.generation),
            ("WARN0003", self.is("Reconciling", "False")),
            ("WARN0004", self.is("Stalled", "False")),
            ("WARN0005", self.conditions.iter().any(|one| one.observed_generation.unwrap_or_default() < 1)),
        ];
        if self.is("Ready", "Unknown") {
            // Flux has rules of their own for what is told in the midst of work.
            rules.push(("FAIL0011", !self.is("Reconciling", "True")));
        } else {
            rules.extend(self.settled());
        }
        rules.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule).collect()
    }

    /// Rules of a status that is told at the end of work.
    fn settled(&self) -> [(&'static str, bool); 6] {
        let negative = |one: &&Condition| ["Stalled", "Reconciling"].contains(&one.type_.as_str());
        let is_ready = self.is("Ready", "True");
        let of_condition = |one: &Condition| one.observed_generation.unwrap_or_default();
        [
            ("FAIL0001", is_ready && self.conditions.iter().filter(negative).any(|one| one.status == "True")),
            ("FAIL0003", self.is("Reconciling", "True") && self.find("Ready").is_some() && !self.is("Ready", "False")),
            ("FAIL0007", is_ready && self.observed < self.generation),
            ("FAIL0008", is_ready && self.conditions.iter().any(|one| of_condition(one) < self.generation)),
            ("FAIL0009", is_ready && self.conditions.iter().any(|one| of_condition(one) != self.observed)),
            ("WARN0001", is_ready && self.conditions.iter().any(|one| negative(&one))),
        ]
    }
}
