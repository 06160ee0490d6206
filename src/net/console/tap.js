// Hands on what the microphone hears, some tenth of a second at a time.
registerProcessor("tap", class extends AudioWorkletProcessor {
  kept = new Float32Array(4096);
  count = 0;

  process([[samples]]) {
    for (const sample of samples || []) {
      this.kept[this.count++] = sample;
      if (this.count === this.kept.length) {
        this.port.postMessage(this.kept.slice());
        this.count = 0;
      }
    }
    return true;
  }
});
