import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.solr.embedded.JettyConfig;
import org.apache.solr.embedded.JettySolrRunner;
import org.apache.zookeeper.server.ServerConfig;
import org.apache.zookeeper.server.ZooKeeperServerMain;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig;

/** One process of a SolrCloud for tests: `zk PORT DIR`, or `node PORT HOME ZKHOST`. On loopback. */
public class Launch {
    static void zooKeeper(String port, String dir) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("dataDir", dir);
        properties.setProperty("clientPort", port);
        properties.setProperty("clientPortAddress", "127.0.0.1");
        properties.setProperty("tickTime", "1000");
        properties.setProperty("admin.enableServer", "false");
        QuorumPeerConfig peer = new QuorumPeerConfig();
        peer.parseProperties(properties);
        ServerConfig config = new ServerConfig();
        config.readFrom(peer);
        new ZooKeeperServerMain().runFromConfig(config);
    }

    static void node(int port, String home, String zkHost) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("zkHost", zkHost);
        JettyConfig jetty = JettyConfig.builder().setPort(port).setContext("/solr").build();
        JettySolrRunner runner = new JettySolrRunner(home, properties, jetty);
        runner.start();
        System.out.println("ready");
        while (System.in.read() >= 0) {
        }
        runner.stop();
    }

    public static void main(String[] args) throws Exception {
        Files.createDirectories(Path.of(args[2]));
        if (args[0].equals("zk"))
            zooKeeper(args[1], args[2]);
        else
            node(Integer.parseInt(args[1]), args[2], args[3]);
        System.exit(0); // threads stay behind otherwise
    }
}
