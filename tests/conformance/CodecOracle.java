import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads and writes messages with Kafka's own classes. Each line of the file args[0] is
 * class TAB version TAB bytes in hex TAB the same value as JSON; each line of args[1] answers with
 * those bytes as JSON TAB those bytes read and written again TAB the JSON written as bytes, or with "error" TAB why.
 */
public class CodecOracle {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        try (BufferedReader in = Files.newBufferedReader(Paths.get(args[0]));
                BufferedWriter out = Files.newBufferedWriter(Paths.get(args[1]))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String answer;
                try {
                    answer = answer(line.split("\t"));
                } catch (InvocationTargetException e) {
                    answer = "error\t" + String.valueOf(e.getCause()).replaceAll("\\s+", " ");
                } catch (RuntimeException e) {
                    answer = "error\t" + e.toString().replaceAll("\\s+", " ");
                }
                out.write(answer);
                out.write("\n");
            }
        }
    }

    private static String answer(String[] fields) throws Exception {
        Class<?> message = Class.forName(fields[0]);
        Class<?> converter = Class.forName(fields[0] + "JsonConverter");
        short version = Short.parseShort(fields[1]);
        ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(fields[2]));
        Message read = (Message) message.getConstructor().newInstance();
        read.read(new ByteBufferAccessor(bytes), version);
        if (bytes.hasRemaining()) throw new IllegalStateException(bytes.remaining() + " bytes are left");
        Method write = converter.getMethod("write", message, short.class, boolean.class);
        JsonNode json = (JsonNode) write.invoke(null, read, version, false);
        Message given = (Message) converter.getMethod("read", JsonNode.class, short.class)
                .invoke(null, MAPPER.readTree(fields[3]), version);
        return json + "\t" + hex(read, version) + "\t" + hex(given, version);
    }

    private static String hex(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return HexFormat.of().formatHex(buffer.array());
    }
}
