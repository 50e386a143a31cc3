//! The I/O traits of tokio for guards that have a [`File`](crate::File) inside.

/// Has a type that derefs to `File`, in a field `file`, be read, written and
/// moved as that is: what is generic over the traits doesn't deref.
macro_rules! like_a_file {
    ($guard:ty) => {
        impl ::tokio::io::AsyncRead for $guard {
            fn poll_read(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
                into: &mut ::tokio::io::ReadBuf<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::pin::Pin::new(&mut self.get_mut().file).poll_read(cx, into)
            }
        }

        impl ::tokio::io::AsyncBufRead for $guard {
            fn poll_fill_buf(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<&[u8]>> {
                ::std::pin::Pin::new(&mut self.get_mut().file).poll_fill_buf(cx)
            }

            fn consume(self: ::std::pin::Pin<&mut Self>, amount: usize) {
                ::std::pin::Pin::new(&mut self.get_mut().file).consume(amount);
            }
        }

        impl ::tokio::io::AsyncWrite for $guard {
            fn poll_write(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
                bytes: &[u8],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                ::std::pin::Pin::new(&mut self.get_mut().file).poll_write(cx, bytes)
            }

            fn poll_flush(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::pin::Pin::new(&mut self.get_mut().file).poll_flush(cx)
            }

            fn poll_shutdown(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::pin::Pin::new(&mut self.get_mut().file).poll_shutdown(cx)
            }
        }

        impl ::tokio::io::AsyncSeek for $guard {
            fn start_seek(
                self: ::std::pin::Pin<&mut Self>,
                to: ::std::io::SeekFrom,
            ) -> ::std::io::Result<()> {
                ::std::pin::Pin::new(&mut self.get_mut().file).start_seek(to)
            }

            fn poll_complete(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<u64>> {
                ::std::pin::Pin::new(&mut self.get_mut().file).poll_complete(cx)
            }
        }
    };
}

pub(crate) use like_a_file;
