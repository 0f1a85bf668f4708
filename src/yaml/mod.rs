//! Documents with the byte span of every key and scalar, and the way from a scalar's value back to the
//! bytes it was written with.
//!
//! This is the first step of everything that reads YAML with positions: `ci` and the hand-kept
//! inventories build on it. It knows nothing of GitLab, and it alone knows the parser.
//!
//! Nothing here recurses over a document, so depth cannot exhaust the stack. An alias stays an alias;
//! it can only name a node that was complete before it, so documents have no cycles.

mod build;
mod node;
mod scalar;
mod stream;
mod value_map;

pub use node::{Budget, Document, Kind, Node, NodeId, Style};
pub use stream::{Comment, Placement, Stream, SyntaxError, SyntaxErrorKind};
pub use value_map::ValueMap;
