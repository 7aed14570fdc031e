//! Binds the Pods of a Kubernetes Service directly as backends of a Tencent Cloud CLB load balancer, and keeps that true.
//!
//! This page is the architecture document. The README says what the project does for its users.
//!
//! # Flow
//!
//! The unit of work is the load balancer, because that is what CLB locks, batches and reports health for. All bindings of one
//! load balancer are planned together; different load balancers never wait for each other.
//!
//! ```text
//! watch      a binding, Service, EndpointSlice, Pod, TkeServiceConfig or the switch ConfigMap changed; or a timer
//!   ↓ operator::triggers   pure: which load balancers does this concern?
//! dispatch   one task per load balancer, which runs one machine
//!   ↓ operator::drive      edge: brings news, answers and the time, and has done what the machine asks for
//! machine    pure: reconcile::Machine, one step for each of these
//!     gathering    asks for reads; with caches they make a Snapshot (reads that failed are part of it)
//!     plan         Snapshot → Plan {steps; and of each binding: problems, counts, gates}
//!     execution    the steps as calls of CLB, one after the other → Outcome
//!     status       plan + outcome + previous status + now → statuses, gate conditions, next look
//!     reporting    asks for writes of what differs to Kubernetes, nothing else
//!   ↓ effects              operator::reads, apply and writes do them; what came of it is the machine's next input
//! ```
//!
//! A machine is a value: [`reconcile::Machine::step`] takes in what has happened and returns what is to be done. It waits for nothing,
//! so tests play the world: what is slow, refused or lost, and a machine that is lost at any moment. Rounds do not wait for what they
//! write to Kubernetes, but for finalizers for half a second; of one field of one object one write is under way.
//!
//! Beside the rounds, [`reconcile::ServiceMachine`] makes the binding of a Service that carries TKE's annotations,
//! [`reconcile::ConfigMachine`] keeps the status of a TkeServiceConfig, and [`reconcile::ReleaseMachine`] opens gates that no round is
//! about. Certificates that Secrets hold are uploaded when a round reads the Secret, and deleted beside the rounds, as
//! [`reconcile::Uploads`] says. `operator::marks` says which of them a change concerns, and `operator::keyed` runs one for each key with something to do, so
//! that what is slow or refused for one holds up no other, and a namespace in which every write hangs takes no room from others. A
//! binding that wants its load balancer created has rounds of its own until there is one ([`plan::placement`]), and then those of the
//! load balancer.
//!
//! # Invariants
//!
//! 1. *Level-triggered.* A round gets the key of a load balancer, never a reason. What rounds remember may be dropped at any time.
//! 2. *Observed is read, never inferred* from what was sent. While a task runs, rounds read and open gates, and write nothing to the
//!    load balancer; nobody sleeps in one.
//! 3. *Foreign things are never touched.* A listener is ours when its name carries a binding's UID, a target when its tag does
//!    ([`api::mark`]). Of two claims on one port one works on, and both are told.
//! 4. *Safe order*: register, then weight 0, then deregister, then create, then settings, then delete rules and listeners. A target of
//!    a Pod that lives loses its weight before it goes.
//! 5. *Deleting is planning with nothing desired.* The finalizer goes when a read shows that nothing of ours is left; not-found is
//!    success; neither a valid spec nor the Service is needed.
//! 6. *A second round over an unchanged world writes nothing*, to CLB and to Kubernetes.
//! 7. *Status on every path*, also when reading or writing failed.
//! 8. *No removal on doubtful evidence.* A failed or malformed read plans nothing; a missing Service, and slices that forget living
//!    Pods, hold what is there.
//! 9. *A gate opens on proof*: a read shows the Pod registered on every listener of every binding that selects it, and a health read
//!    that began after that one says that probes succeed.
//! 10. *No Pod is kept from being created.* Injection of gates fails open, answers from memory, and repairs what it needs.
//! 11. *Unset is not default.* What no TkeServiceConfig says is in no wish ([`model::Attributes`]), and so never written, compared or
//!     reported. A wish that cannot be had becomes a problem, and the others are granted.
//! 12. *One load balancer for one wish.* The wish is recorded before the cloud is asked, the call's token is made from it, and no
//!     call is made before a read by tag, in the account that is recorded with the wish, has shown that there is none. The binding of a
//!     Service is made of what the API server itself has just shown ([`reconcile::NewBinding`]), and goes by that.
//! 13. *Unreadable is not absent.* A word of a user that cannot be read is held ([`model::Reading`]), as is what a kind that may not be
//!     listed could say ([`k8s::Look`], [`model::Known`]), and the wish of an annotated
//!     Service ends by a proof only ([`plan::annotated::Proof`]).
//! 14. *An account speaks for itself.* That a load balancer is gone is said by the account that is recorded of it only, and nothing
//!     is made or changed by another ([`clb::CallerReads`], [`model::Caller`]).
//! 15. *No write without leadership.* Rounds exist within one only, and each write asks for it when it leaves, after every wait
//!     ([`election`] has the times). Excepted are the Lease, Events and the repair of injection. A leadership begins with a list of
//!     everything, so that it never decides by what a watch of before has not heard.
//! 16. *One binding's trouble is its own.* Of a refused step, halves are tried until it is known whom the refusal is about
//!     ([`reconcile::Refusals`]); a plan that panics is made without the binding for which it does ([`plan::plan_isolated`]).
//! 17. *A drain waits for one read of targets*, and for no read of health, listeners or quotas ([`plan::ReadState`]), nor for a write to
//!     Kubernetes.
//! 18. *When a Pod ends is said by the API server's clock*, which rounds go by ([`model::ServerTime`]), however wrong that of this machine
//!     is; of several API servers by the one that is furthest behind. What lasts is counted by a clock that never goes back
//!     ([`plan::Since`]), so that no step of a clock is evidence.
//! 19. *One namespace's trouble is its own.* An admission webhook that answers late there, or refuses, holds up nobody elsewhere, not even
//!     on the same load balancer.
//!
//! # Code map
//!
//! | module | what | may use |
//! |---|---|---|
//! | [`api`] | pure: what users write and read, conditions, names, marks of ownership | – |
//! | [`model`] | pure values: load balancer, listener, target, Pod, failure class | – |
//! | [`plan`] | pure decisions | api, model |
//! | [`status`] | pure verdicts, and what a plan leads to | plan, api, model |
//! | [`reconcile`] | pure: the loops as machines without I/O, how a plan is carried out, and what is tried again when | status, plan, api, model |
//! | [`election`] | pure: who leads, and until when | api |
//! | [`clb`] | edge to the cloud: signature, wire types, client, error classes, rates | model |
//! | [`k8s`] | edge to Kubernetes: slim stores fed by watches, conversions | plan, api, model |
//! | [`operator`] | edge: what runs the machines, reads, calls and writes for them, election, probes | all of the above |
//! | [`webhook`] | edge: injection of readiness gates by webhook or admission policy, its certificate, its repair | telemetry, k8s, plan, api, model |
//! | [`cli`] | the kubectl plugin: what there is, what would be done, why a Pod is not ready | clb, k8s, status, plan, api, model |
//! | [`conformance`] | asks a real cloud for what is believed of it, once, in the hands of somebody with an account | clb, stdout, model |
//! | [`stdout`] | prints what a program was asked for, to readers that may go away | – |
//! | [`telemetry`] | logs and what they never show, and the one table of all metrics | api, model |
//! | [`sim`] | the cloud, simulated: state, tasks, health, faults, data plane | `clb::wire`, model |
//!
//! api, model, plan, reconcile, status and election are the crate `tke-direct-access-core`: no clock, client, runtime or randomness. `tests/tidy`
//! enforces the table, sizes and banned words.

pub use tke_direct_access_core::{api, election, model, plan, reconcile, status};

pub mod clb;
pub mod cli;
pub mod conformance;
pub mod k8s;
pub mod operator;
pub mod sim;
pub mod stdout;
pub mod telemetry;
pub mod webhook;
