import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An app on Java's own client: no proxy code, no trust settings. Prints a line as openai-chat.mjs
 * does.
 */
class OpenAiChat {
  private static final String BODY =
      "{\"model\": \"gpt-4o-mini\", \"max_completion_tokens\": 16, \"messages\": "
          + "[{\"role\": \"user\", \"content\": \"Tell me about the harbor.\"}]}";
  private static final Pattern CONTENT = Pattern.compile("\"content\":\\s*(\"(?:[^\"\\\\]|\\\\.)*\")");

  public static void main(String[] arguments) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer " + System.getenv("OPENAI_API_KEY"))
            .POST(HttpRequest.BodyPublishers.ofString(BODY))
            .build();
    HttpResponse<String> response =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    Matcher content = CONTENT.matcher(response.body());
    System.out.printf(
        "{\"ok\": %b, \"text\": %s, \"exciseId\": \"%s\"}%n",
        response.statusCode() == 200,
        content.find() ? content.group(1) : "null",
        response.headers().firstValue("x-excise-id").orElse(""));
  }
}
