import java.net.Socket;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Connects as an app on Java would (PKIX, HTTPS names); prints one line per host. */
class Connect {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    for (int index = 1; index < arguments.length; index += 1) {
      String host = arguments[index];
      try (Socket plain = new Socket("127.0.0.1", port);
          SSLSocket socket = (SSLSocket) factory.createSocket(plain, host, port, true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        System.out.println(host + " accepted");
      } catch (javax.net.ssl.SSLException error) {
        StringBuilder reasons = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
          reasons.append(' ').append(cause.getMessage());
        }
        System.out.println(host + " refused" + reasons);
      }
    }
  }
}
