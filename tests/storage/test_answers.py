"""What client libraries raise becomes the `OSError` that it means, and says whether to try again.

Errors are made with the libraries' own classes, as those libraries make them.
"""

import errno
import socket
import ssl

import pytest

from mlprod.errors import StoreError
from mlprod.storage._answers import as_os_errors, is_refused_create, wait_seconds


def seen(error):
    """Return the `OSError` that a caller gets for it."""
    with pytest.raises(OSError) as caught, as_os_errors("my-bucket"):
        raise error
    return caught.value


def of_s3(status, code, headers=None):
    """Return what s3fs raises for an answer of S3."""
    botocore = pytest.importorskip("botocore.exceptions")
    s3fs = pytest.importorskip("s3fs.errors")
    answer = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
    }
    return s3fs.translate_boto_error(botocore.ClientError(answer, "PutObject"))


def of_gcs(status):
    """Return what gcsfs raises for an answer of GCS."""
    retry = pytest.importorskip("gcsfs.retry")
    try:
        retry.validate_response(status, b'{"error": {"message": "no"}}', "b/bucket/o/file")
    except Exception as error:  # noqa: BLE001 - of whatever class it raises
        return error
    raise AssertionError


def of_azure(status, code, headers=None):
    """Return what the Azure client raises for an answer of Azure."""
    exceptions = pytest.importorskip("azure.core.exceptions")

    class Response:
        status_code, reason = status, "no"

    Response.headers = headers or {}
    error = exceptions.HttpResponseError(response=Response())
    error.error_code = code
    return error


def request_info():
    """Return what the errors of aiohttp say of their request."""
    return pytest.importorskip("aiohttp").RequestInfo("http://host", "GET", {}, "http://host")


PASSING = [408, 409, 429, 500, 502, 503, 504]


class TestWaitSeconds:
    @pytest.mark.parametrize("status", PASSING)
    def test_what_passes_is_tried_again(self, status):
        assert 0 == wait_seconds(seen(of_s3(status, "SomeCode")))
        assert 0 == wait_seconds(seen(of_azure(status, "SomeCode")))

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_what_passes_is_tried_again_on_gcs(self, status):
        assert 0 == wait_seconds(seen(of_gcs(status)))

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 411, 412, 413, 416])
    def test_what_stays_is_not(self, status):
        assert wait_seconds(seen(of_s3(status, "SomeCode"))) is None
        assert wait_seconds(seen(of_azure(status, "SomeCode"))) is None

    def test_the_service_may_say_how_long(self):
        assert 7 == wait_seconds(seen(of_s3(503, "SlowDown", {"retry-after": "7"})))
        assert 7 == wait_seconds(seen(of_azure(503, "ServerBusy", {"retry-after": "7"})))

    def test_a_date_is_not_understood(self):
        dated = of_s3(503, "SlowDown", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
        assert 0 == wait_seconds(seen(dated))

    @pytest.mark.parametrize(
        ("module", "name", "arguments"),
        [
            ("aiohttp", "ServerDisconnectedError", {}),
            ("aiohttp", "ClientPayloadError", {}),
            ("botocore.exceptions", "EndpointConnectionError", {"endpoint_url": "x"}),
            ("botocore.exceptions", "ReadTimeoutError", {"endpoint_url": "x"}),
            ("botocore.exceptions", "IncompleteReadError", {"actual_bytes": 1, "expected_bytes": 2}),
            ("azure.core.exceptions", "ServiceRequestError", {"message": "x"}),
            ("azure.core.exceptions", "ServiceResponseError", {"message": "x"}),
            ("azure.core.exceptions", "IncompleteReadError", {"message": "x"}),
            ("requests.exceptions", "ConnectionError", {}),
            ("requests.exceptions", "ReadTimeout", {}),
            ("google.auth.exceptions", "TransportError", {}),
            ("paramiko", "SSHException", {}),
            ("ftplib", "error_temp", {}),
        ],
    )
    def test_a_lost_connection_is_tried_again(self, module, name, arguments):
        error = getattr(pytest.importorskip(module), name)(**arguments)
        assert 0 == wait_seconds(seen(error))

    def test_so_is_a_server_that_does_not_listen_yet(self):
        exceptions = pytest.importorskip("paramiko.ssh_exception")
        refused = exceptions.NoValidConnectionsError({("127.0.0.1", 22): ConnectionRefusedError()})
        assert 0 == wait_seconds(seen(refused))

    def test_so_is_an_answer_that_is_garbage(self):
        """What is left of another answer on a connection that is used again; aiohttp calls it a 400."""
        aiohttp = pytest.importorskip("aiohttp")
        garbage = aiohttp.ClientResponseError(request_info(), (), status=400)
        garbage.__cause__ = aiohttp.http_exceptions.BadStatusLine("x")
        assert 0 == wait_seconds(seen(garbage))

    def test_a_certificate_that_is_refused_stays_so(self):
        aiohttp = pytest.importorskip("aiohttp")
        botocore = pytest.importorskip("botocore.exceptions")
        azure = pytest.importorskip("azure.core.exceptions")
        key = aiohttp.client_reqrep.ConnectionKey("host", 443, True, True, None, None, None)  # noqa: FBT003
        refused = aiohttp.ClientConnectorCertificateError(key, ssl.SSLCertVerificationError("expired"))
        of_azure = azure.ServiceRequestError(refused, error=refused)
        of_azure.__cause__ = refused
        for error in (refused, of_azure, botocore.SSLError(endpoint_url="x", error=refused)):
            assert wait_seconds(seen(error)) is None

    @pytest.mark.parametrize("status", [400, 405, 407, 410])
    def test_so_does_what_a_web_server_or_a_proxy_refuses(self, status):
        aiohttp = pytest.importorskip("aiohttp")
        botocore = pytest.importorskip("botocore.exceptions")
        refused = aiohttp.ClientHttpProxyError(request_info(), (), status=status)
        for error in (refused, botocore.ProxyConnectionError(proxy_url="x", error=refused)):
            assert wait_seconds(seen(error)) is None

    def test_so_does_a_host_that_is_another(self):
        paramiko = pytest.importorskip("paramiko")
        mine, other = (paramiko.ECDSAKey.generate() for _ in range(2))
        for error in (
            paramiko.BadHostKeyException("host", mine, other),
            paramiko.ssh_exception.IncompatiblePeer("no common cipher"),
        ):
            assert wait_seconds(seen(error)) is None

    @pytest.mark.parametrize(
        "error",
        [
            ConnectionResetError(),
            TimeoutError(),
            EOFError(),
            OSError(errno.EHOSTUNREACH, "no route to host"),
            OSError("Socket is closed"),  # paramiko
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            OSError(errno.EBUSY, "Reduce your request rate"),  # s3fs, of a HEAD that met a 503
        ],
    )
    def test_so_is_one_that_python_reports(self, error):
        assert 0 == wait_seconds(seen(error))

    @pytest.mark.parametrize(
        "error",
        [
            FileNotFoundError(),
            FileExistsError(),
            PermissionError(),
            OSError(errno.ENOSPC, "full"),
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            ValueError("a defect"),
        ],
    )
    def test_what_another_attempt_cannot_mend(self, error):
        assert wait_seconds(seen(error)) is None

    def test_the_affairs_of_the_caller_are_not_looked_at(self):
        """What was being handled when a file was not found says nothing about the file."""
        try:
            raise of_s3(403, "AccessDenied")
        except PermissionError:
            found = seen(FileNotFoundError("file"))
        assert isinstance(found, FileNotFoundError)

    def test_a_chain_that_bites_its_tail_ends(self):
        first, second = OSError("a"), OSError("b")
        first.__cause__, second.__cause__ = second, first
        assert wait_seconds(first) is None


class TestAsOsErrors:
    @pytest.mark.parametrize(
        "make",
        [lambda: of_s3(404, "NoSuchBucket"), lambda: of_azure(404, "ContainerNotFound")],
        ids=["s3", "azure"],
    )
    def test_a_missing_bucket_is_no_missing_file(self, make):
        found = seen(make())
        assert errno.ENXIO == found.errno
        assert not isinstance(found, FileNotFoundError)
        assert "there is no bucket or container 'my-bucket'" in str(found)

    @pytest.mark.parametrize("status", [401, 403])
    def test_refused_credentials_are_told(self, status):
        for error in (of_s3(status, "SomeCode"), of_azure(status, "SomeCode")):
            assert isinstance(seen(error), PermissionError)

    @pytest.mark.parametrize(
        ("module", "name", "arguments"),
        [
            ("botocore.exceptions", "NoCredentialsError", {}),
            ("botocore.exceptions", "CredentialRetrievalError", {"provider": "x", "error_msg": "y"}),
            ("botocore.exceptions", "UnauthorizedSSOTokenError", {}),
            ("azure.core.exceptions", "ClientAuthenticationError", {"message": "x"}),
            ("google.auth.exceptions", "DefaultCredentialsError", {}),
            ("paramiko", "AuthenticationException", {}),
        ],
    )
    def test_so_are_missing_ones(self, module, name, arguments):
        error = getattr(pytest.importorskip(module), name)(**arguments)
        assert isinstance(seen(error), PermissionError)
        assert wait_seconds(seen(error)) is None

    @pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"])
    def test_so_is_a_token_that_is_none_any_more(self, code):
        """S3 calls that a bad request."""
        found = seen(of_s3(400, code))
        assert isinstance(found, PermissionError)
        assert errno.EACCES == found.errno, "what to do is told by this"

    def test_a_forbidden_file_of_gcs_is_told(self):
        assert wait_seconds(seen(of_gcs(403))) is None

    @pytest.mark.parametrize(
        "make", [lambda: of_s3(404, "404"), lambda: of_azure(404, None)], ids=["s3", "azure"]
    )
    def test_a_404_of_something_in_between_is_no_missing_file(self, make):
        """A load balancer without a backend says so, too; the service itself would say what is missing."""
        missing = FileNotFoundError("file")
        missing.__cause__ = make()
        found = seen(missing)
        assert not isinstance(found, FileNotFoundError)
        assert 0 == wait_seconds(found)

    @pytest.mark.parametrize(
        "make", [lambda: of_s3(404, "NoSuchKey"), lambda: of_azure(404, "BlobNotFound")], ids=["s3", "azure"]
    )
    def test_a_404_of_the_service_is(self, make):
        missing = FileNotFoundError("file")
        missing.__cause__ = make()
        assert isinstance(seen(missing), FileNotFoundError)

    def test_a_conflict_that_the_caller_is_handling_is_none_of_ours(self):
        """Python makes it the context of whatever is raised meanwhile."""
        try:
            raise of_s3(409, "OperationAborted")
        except OSError:
            assert is_refused_create(seen(FileExistsError("file")))

    def test_azure_tells_a_conflict_from_a_file_that_is_there(self):
        for code, is_refused in (("BlobAlreadyExists", True), ("LeaseAlreadyPresent", False)):
            taken = FileExistsError("file")
            taken.__context__ = of_azure(409, code)
            assert is_refused_create(taken) == is_refused

    def test_a_failed_condition(self):
        assert is_refused_create(seen(of_s3(412, "PreconditionFailed")))
        assert not is_refused_create(seen(of_s3(409, "ConditionalRequestConflict")))

    def test_our_own_errors_pass(self):
        with pytest.raises(StoreError, match="ours"), as_os_errors("my-bucket"):
            raise StoreError("ours")
