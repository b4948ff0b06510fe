//! The system's allocator, and what is asked of it. Alone in its binary, since it counts what every
//! thread of the process does.
#![allow(unsafe_code, unreachable_pub, dead_code)] // each test asks for its own part

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static HELD: AtomicU64 = AtomicU64::new(0);

/// How often memory was asked for.
pub fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// How much is held, in bytes, with what an allocator needs itself.
pub fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

// SAFETY: passes everything on unchanged to an allocator that keeps the contract. `realloc` and
// `alloc_zeroed` of the trait come down to `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        HELD.fetch_add(weight(layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(weight(layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// As glibc has it: 8 bytes in front, and the whole in steps of 16.
fn weight(layout: Layout) -> u64 {
    (layout.size() as u64 + 8).next_multiple_of(16).max(32)
}

#[global_allocator]
static COUNTING: Counting = Counting;
