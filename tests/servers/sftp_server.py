"""An SFTP server for the folder and the port given, until it is ended; anna's password is secret."""

import asyncio
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    """Knows one account."""

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("anna", "secret")


async def serve(root, port):
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=Server,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=root),
    )
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
