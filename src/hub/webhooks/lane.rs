//! One webhook's deliveries in hand.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use crate::domain::webhook::schedule::Verdict;
use crate::store::deliveries::outbox::Done;

use super::outbox::{Endpoint, Job};

/// Attempts on their way to one receiver at once.
const WIDEST: usize = 8;
/// Deliveries that a lane takes in hand at once, and how few it has left when it asks for more.
pub(super) const IN_HAND: i64 = 128;
const FEW: usize = 48;
/// The same for a receiver that fails: it takes long, and holds memory meanwhile.
pub(super) const IN_HAND_FAILING: i64 = 2;
/// Deliveries of a lane that are looked at for one whose thing has none on its way.
const LOOKED_AT: usize = 32;

/// A webhook that has something to send: what is in hand, and how much of it may be on its way.
pub(super) struct Lane {
    pub(super) endpoint: Arc<Endpoint>,
    queue: VecDeque<Job>,
    /// Deliveries in hand: waiting, on their way, or not written down yet.
    pub(super) held: HashSet<i64>,
    /// What has an event on its way.
    subjects: HashSet<String>,
    flying: usize,
    width: usize,
    pub(super) failing: bool,
    /// Behind which delivery the next ones are asked for.
    pub(super) after: (i64, i64),
    /// Whether there may be more than what is in hand.
    pub(super) more: bool,
    pub(super) idle_since: Instant,
}

impl Lane {
    pub(super) fn new(endpoint: Arc<Endpoint>) -> Self {
        let failing = endpoint.is_failing;
        Self {
            endpoint,
            queue: VecDeque::new(),
            held: HashSet::new(),
            subjects: HashSet::new(),
            flying: 0,
            width: 1,
            failing,
            after: (0, 0),
            more: true,
            idle_since: Instant::now(),
        }
    }

    /// What to ask the store for.
    pub(super) fn wants(&self) -> Option<i64> {
        let (most, few) = if self.failing { (IN_HAND_FAILING, 1) } else { (IN_HAND, FEW) };
        (self.more && self.queue.len() < few).then_some(most)
    }

    pub(super) fn takes(&mut self, jobs: Vec<Job>, asked: i64) {
        self.more = i64::try_from(jobs.len()).is_ok_and(|count| count >= asked);
        if let Some(last) = jobs.last() {
            self.after = last.place;
        }
        for job in jobs {
            if self.held.insert(job.number) {
                self.queue.push_back(job);
            }
        }
    }

    /// The next delivery that may be sent now.
    pub(super) fn next(&mut self) -> Option<Job> {
        if self.flying >= self.width {
            return None;
        }
        let free = |job: &Job| !self.subjects.contains(&job.subject);
        let at = self.queue.iter().take(LOOKED_AT).position(free)?;
        let job = self.queue.remove(at)?;
        self.subjects.insert(job.subject.clone());
        self.flying += 1;
        Some(job)
    }

    pub(super) fn landed(&mut self, subject: &str, done: &Done) {
        self.tell(done);
        let verdict = done.verdict;
        // A lane that was lost and taken again knows nothing of what was on its way before.
        self.flying = self.flying.saturating_sub(1);
        self.subjects.remove(subject);
        self.failing = verdict != Verdict::Delivered;
        self.width = if self.failing { 1 } else { (self.width * 2).min(WIDEST) };
    }

    /// Tells the operator that a receiver begins to fail, and of each event that it never gets.
    fn tell(&self, done: &Done) {
        let what = match done.verdict {
            Verdict::GivenUp => "an event was given up for a webhook",
            Verdict::Again(_) | Verdict::Gone if !self.failing => "a webhook's receiver fails",
            _ => return,
        };
        let ((project, webhook, host), cause) = (self.endpoint.names(), done.error.as_deref());
        tracing::warn!(target: "hubctl::webhooks", project, %webhook, host, cause, "{what}");
    }

    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && !self.more
    }
}
