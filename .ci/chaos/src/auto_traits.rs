/// Asserts at compile time which auto traits each type has and which it has not.
///
/// One row per type, ended by a semicolon. A trait that the row does not name
/// is not looked at, so name all three.
///
/// ```
/// chaos::auto_traits! {
///     Vec<u8>: Send, Sync, Unpin;
///     std::rc::Rc<u8>: !Send, !Sync, Unpin;
///     std::marker::PhantomPinned: Send, Sync, !Unpin;
/// }
/// ```
///
/// A trait that is missing does not compile:
/// ```compile_fail,E0277
/// chaos::auto_traits! { std::rc::Rc<u8>: Send; }
/// ```
///
/// Nor does a trait that should be absent and is there:
/// ```compile_fail,E0283
/// chaos::auto_traits! { Vec<u8>: !Send; }
/// ```
#[macro_export]
macro_rules! auto_traits {
    (@has [$subject:ty] $present:ident) => {
        const _: fn() = || {
            fn has<T: ?Sized + $present>() {}
            has::<$subject>();
        };
    };
    // Both implementations apply to a type that has the trait, so that naming
    // the item is ambiguous exactly then.
    (@lacks [$subject:ty] $absent:ident) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn item() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            #[allow(dead_code)]
            struct Present;
            impl<T: ?Sized + $absent> Ambiguous<Present> for T {}
            let _ = <$subject as Ambiguous<_>>::item;
        };
    };
    ($($subject:ty: $($($present:ident)? $(! $absent:ident)?),+;)*) => {
        $($(
            $($crate::auto_traits!(@has [$subject] $present);)?
            $($crate::auto_traits!(@lacks [$subject] $absent);)?
        )+)*
    };
}

/// Asserts that a value, usually a future that can't be named, is `Send`, and gives it back.
///
/// ```compile_fail,E0277
/// # fn main() {
/// let not_send = std::rc::Rc::new(1);
/// chaos::assert_send(async move { std::future::ready(()).await; drop(not_send) });
/// # }
/// ```
pub fn assert_send<T: Send>(value: T) -> T {
    value
}
