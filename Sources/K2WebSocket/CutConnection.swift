import Glibc
import NIOCore
import NIOSSL

extension Channel {
    /// Closes the connection at once, past TLS and its goodbye; what waits to be written is lost.
    /// - Parameter withReset: the peer gets a reset in place of an orderly end.
    func cut(withReset: Bool) {
        if withReset { _ = (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)) }
        let operations = pipeline.syncOperations
        // `close` of a handler's context begins at the handler before it.
        if let tls = try? operations.context(handlerType: NIOSSLServerHandler.self) { return tls.close(promise: nil) }
        if let tls = try? operations.context(handlerType: NIOSSLClientHandler.self) { return tls.close(promise: nil) }
        close(promise: nil)
    }
}
